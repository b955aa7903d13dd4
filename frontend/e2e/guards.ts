/** What watches a page from inside and a browser from outside while it shows hostile text. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Browser, type BrowserContext, type BrowserType, type Page } from "@playwright/test";

interface Inside {
  hacked?: unknown;
  /** Elements, attributes and addresses that no text may put on the page. */
  found: string[];
  /** What the policy had to stop, Trusted Types among it. */
  stopped: string[];
  /** How many times the page has changed. */
  changes: number;
}

export type State = Omit<Inside, "changes">;
export const UNHARMED: State = { hacked: null, found: [], stopped: [] };

/** Looks at every change of every page of the context, each in a moment of its own: what arrives
 * between two frames is drawn all the same. */
export async function guarded(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const ELEMENTS =
      "script, iframe, frame, frameset, fencedframe, object, embed, base, link, meta, style, img," +
      " picture, image, feimage, use, animate, set, foreignobject, video, audio, source, track," +
      " template, marquee, form form, math [href], annotation-xml";
    const ATTRIBUTES =
      /^(on|src|poster$|background$|ping$|formaction$|attributionsrc$|manifest$|xlink:)/i;
    const ADDRESS = /^(https?:|mailto:|tel:|\/(?![/\\])|#|$)/i;
    const inside: Inside = { found: [], stopped: [], changes: 0 };
    Object.assign(window, { inside });
    const judge = (element: Element) => {
      const attributes = element.getAttributeNames();
      const address = element.getAttribute("href") ?? element.getAttribute("action") ?? "";
      const wrong =
        element.matches(ELEMENTS) ||
        attributes.some((name) => ATTRIBUTES.test(name)) ||
        !ADDRESS.test(address);
      if (wrong) inside.found.push(element.outerHTML.slice(0, 200));
    };
    const look = (node: Node) => {
      if (!(node instanceof Element) || node.closest("body") === null) return;
      for (const element of [node, ...node.querySelectorAll("*")]) judge(element);
    };
    new MutationObserver((changes) => {
      inside.changes += 1;
      for (const change of changes) {
        for (const node of change.addedNodes) look(node);
        if (change.type === "attributes") look(change.target);
      }
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    document.addEventListener("securitypolicyviolation", (event) => {
      inside.stopped.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
    });
    const atNextFrame = window.requestAnimationFrame.bind(window);
    let within = false;
    window.requestAnimationFrame = (callback) => {
      // A loop that asks for one frame after the other waits for real ones.
      if (within) return atNextFrame(callback);
      queueMicrotask(() => {
        within = true;
        callback(performance.now());
        within = false;
      });
      return 0;
    };
  });
}

export async function stateOf(page: Page): Promise<State> {
  return page.evaluate(() => {
    const { inside, hacked } = window as unknown as { inside: Inside; hacked?: unknown };
    return { hacked: hacked ?? null, found: inside.found, stopped: inside.stopped };
  });
}

export async function changesOf(page: Page): Promise<number> {
  return page.evaluate(() => (window as unknown as { inside: Inside }).inside.changes);
}

/** All that a context asks for outside of its own origin, windows that it opens among it. */
export async function leaving(context: BrowserContext, page: Page): Promise<string[]> {
  const findings: string[] = [];
  const judge = (url: string) => {
    const own = new URL(page.url()).origin;
    if (!/^(data|blob|about):/.test(url) && new URL(url).origin !== own) findings.push(url);
  };
  context.on("request", (request) => {
    if (!request.isNavigationRequest()) judge(request.url());
  });
  context.on("page", (opened) => findings.push(`opened ${opened.url()}`));
  context.on("dialog", (dialog) => {
    findings.push(`said ${dialog.message()}`);
    void dialog.dismiss();
  });
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  network.on("Network.requestWillBeSent", ({ request, type }) => {
    if (type !== "Document") judge(request.url);
  });
  network.on("Network.webSocketCreated", ({ url }) => findings.push(url));
  return findings;
}

/** A browser that writes down all its network work, also what no page hears of. Debian's looks no
 * name up ahead of a click; others are told not to by a header. */
export class Recorded {
  readonly browser: Browser;
  readonly #folder: string;

  private constructor(browser: Browser, folder: string) {
    this.browser = browser;
    this.#folder = folder;
  }

  static async launch(chromium: BrowserType, options: { args?: string[] }): Promise<Recorded> {
    const folder = await mkdtemp(join(tmpdir(), "parlor-net-"));
    // No name leads anywhere: what a page asks for is written down, and stays on this machine.
    const nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
    const log = `--log-net-log=${join(folder, "net.json")}`;
    const args = [...(options.args ?? []), nowhere, log];
    return new Recorded(await chromium.launch({ ...options, args }), folder);
  }

  /** Closes the browser; every name that its network stack ever dealt with. */
  async names(): Promise<Set<string>> {
    await this.browser.close();
    const log = await readFile(join(this.#folder, "net.json"), "utf8");
    await rm(this.#folder, { recursive: true, force: true });
    return new Set(log.match(/[\w.-]+\.invalid\b/g) ?? []);
  }
}
