/** A browser's long name for itself, in the words a family uses. */

export type AgentKind = "phone" | "tablet" | "computer" | "display" | "program";

export interface Agent {
  readonly name: string;
  readonly kind: AgentKind;
}

type Rule = readonly [RegExp, string];

/** The first that fits: everybody claims to be Safari, and many to be Chrome. */
const BROWSERS: readonly Rule[] = [
  [/\bEdgi?A?(?:OS)?\//, "Edge"],
  [/\bOPR\/|\bOpera\b/, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\bSilk\//, "Silk"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/Chrome\/|\bCriOS\/|\bChromium\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [RegExp, string, AgentKind])[] = [
  [/\bAEO[A-Z]{2}\b|\bEcho Show\b/i, "Echo Show", "display"],
  [/\biPhone\b|\biPod\b/, "iPhone", "phone"],
  [/\biPad\b/, "iPad", "tablet"],
  [/\bKF[A-Z]{3,5}\b/, "Fire tablet", "tablet"],
  [/\bAndroid\b(?=.*\bMobile\b)/, "Android phone", "phone"],
  [/\bAndroid\b/, "Android tablet", "tablet"],
  [/\bCrOS\b/, "Chromebook", "computer"],
  [/\bWindows\b/, "Windows", "computer"],
  [/\bMac OS X\b|\bMacintosh\b/, "Mac", "computer"],
  [/\bLinux\b/, "Linux", "computer"],
];

const PROGRAM = /^([A-Za-z][\w.-]{0,30})(?:\/| |$)/;

export function agentOf(userAgent: string): Agent {
  const browser = BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1];
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent));
  if (browser !== undefined && system)
    return { name: `${browser} on ${system[1]}`, kind: system[2] };
  if (system && userAgent.startsWith("Mozilla/")) return { name: system[1], kind: system[2] };
  if (browser !== undefined) return { name: browser, kind: "computer" };
  const program = PROGRAM.exec(userAgent)?.[1];
  if (program === undefined || program === "Mozilla") {
    return { name: "An unknown browser", kind: "computer" };
  }
  return { name: program, kind: "program" };
}
