/** Looking at screens: at every size, in both themes, by machine and, on request, by people. */
import { join } from "node:path";

import { expect, type Page } from "@playwright/test";

import { accessible } from "./axe.ts";

export const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 } },
  wall: { viewport: { width: 960, height: 480 }, hasTouch: true },
} as const;

export const SCHEMES = ["light", "dark"] as const;

/** Where to put pictures for people; nothing compares them. */
const PICTURES = process.env["PICTURES"];

export async function looked(page: Page, name: string): Promise<void> {
  // Colours are judged when they have arrived, not on their way.
  await page.evaluate(() =>
    Promise.allSettled(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
        .map((animation) => animation.finished),
    ),
  );
  await accessible(page);
  expect(await sidewaysScroll(page), `${name} scrolls sideways`).toBeLessThanOrEqual(0);
  if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

async function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
