import { expect, test } from "vitest";

import { agentOf } from "./agents.ts";

const SEEN: readonly (readonly [string, string, string])[] = [
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Chrome on Windows",
    "computer",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Edge on Windows",
    "computer",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Safari on iPhone",
    "phone",
  ],
  [
    "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1",
    "Chrome on iPad",
    "tablet",
  ],
  [
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Chrome on Android phone",
    "phone",
  ],
  [
    "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Safari/537.36",
    "Samsung Internet on Android tablet",
    "tablet",
  ],
  [
    "Mozilla/5.0 (Linux; Android 9; AEOCN Build/PS7613) AppleWebKit/537.36 (KHTML, like Gecko) Silk/118.4 like Chrome/118.0 Safari/537.36",
    "Silk on Echo Show",
    "display",
  ],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Firefox on Mac",
    "computer",
  ],
  [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
    "Chrome on Linux",
    "computer",
  ],
  ["curl/8.14.1", "curl", "program"],
  ["python-httpx/0.28.1", "python-httpx", "program"],
  ["", "An unknown browser", "computer"],
  ["Mozilla/5.0", "An unknown browser", "computer"],
  ["<script>alert(1)</script>", "An unknown browser", "computer"],
];

test.each(SEEN)("%s", (userAgent, name, kind) => {
  expect(agentOf(userAgent)).toEqual({ name, kind });
});
