/** The chat screen as a person sees it: by names and roles. */
import { expect, type Locator, type Page } from "@playwright/test";

const LONG_ANSWER = 60_000;

interface StoredMessage {
  id: string;
  parent_id: string | null;
  role: string;
  status: string;
  parts: { type: string; text?: string }[];
}

export class Chat {
  readonly page: Page;
  readonly field: Locator;
  readonly stopButton: Locator;
  readonly questions: Locator;
  readonly answers: Locator;
  readonly list: Locator;

  constructor(page: Page) {
    this.page = page;
    this.field = page.getByRole("textbox", { name: "Message", exact: true });
    this.stopButton = page.getByRole("button", { name: "Stop" });
    this.questions = page.locator("article.user");
    this.answers = page.locator("article.assistant");
    this.list = page.getByRole("navigation", { name: "Conversations" });
  }

  async open(path = "/"): Promise<void> {
    await this.page.goto(path);
    await expect(this.field).toBeVisible();
  }

  async ask(text: string): Promise<void> {
    await this.field.fill(text);
    await this.page.getByRole("button", { name: "Send", exact: true }).click();
    await expect(this.questions.last()).toContainText(text);
  }

  async answered(): Promise<void> {
    await expect(this.stopButton).toBeHidden({ timeout: LONG_ANSWER });
    await expect(this.answers.last().getByRole("button", { name: "Copy answer" })).toBeAttached();
  }

  async askAndWait(text: string): Promise<void> {
    await this.ask(text);
    await this.answered();
  }

  /** Makes the buttons of a question seen, as a mouse or a finger does. */
  async pointAt(question: Locator): Promise<void> {
    const words = question.locator(".bubble");
    if (await this.page.evaluate(() => matchMedia("(hover: none)").matches)) await words.tap();
    else await words.hover();
  }

  get conversationId(): string {
    return /\/c\/([\w-]+)$/.exec(new URL(this.page.url()).pathname)?.[1] ?? "";
  }

  /** The words of the latest answer on the screen, without its buttons. */
  async shownText(): Promise<string> {
    return (await this.answers.last().locator(".answer").innerText()).trim();
  }

  /** What the server holds, asked for with the page's own cookie. */
  async stored(): Promise<StoredMessage[]> {
    const response = await this.page.request.get(`/api/conversations/${this.conversationId}`);
    expect(response.ok()).toBe(true);
    return ((await response.json()) as { messages: StoredMessage[] }).messages;
  }

  async storedText(): Promise<string> {
    const last = (await this.stored()).findLast((message) => message.role === "assistant");
    return (last?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
  }
}

/** Letters and digits alone: what markdown does to the rest is not the question. */
export function plain(text: string): string {
  return text.replace(/[^\p{L}\p{N}]+/gu, "");
}
