const FEW = 3;

export interface CodesLeft {
  readonly words: string;
  readonly few: boolean;
}

/** How many ways back in are left when the phone is gone. */
export function codesLeft(left: number): CodesLeft {
  const few = left <= FEW;
  if (left === 0) return { words: "No recovery code is left.", few };
  const verb = left === 1 ? "code is" : "codes are";
  return { words: `${String(left)} recovery ${verb} left.`, few };
}

/** What is copied or kept as a file. */
export function recoveryText(codes: readonly string[], username: string): string {
  const head = `Recovery codes for ${username} at Parlor. Each works once, in place of the app’s code.`;
  return `${head}\n\n${codes.join("\n")}\n`;
}
