/** What happened, told in a sentence. The names in it are as they were then. */
import type { AuditEvent } from "@parlor/shared/api/types.ts";
import type { IconName } from "@parlor/shared/ui/icons.ts";
import { dayWords } from "@parlor/shared/words/times.ts";

type Telling = (actor: string, subject: string) => string;

interface Kind {
  readonly icon: IconName;
  readonly tell: Telling;
  /** Worth a second look. */
  readonly grave?: boolean;
}

/** Names that nobody has are not written down. */
const UNKNOWN = "somebody unknown";

const KINDS: Readonly<Record<string, Kind>> = {
  owner_made: { icon: "person", tell: (_, subject) => `${subject} set this Parlor up` },
  person_added: { icon: "people", tell: (actor, subject) => `${actor} added ${subject}` },
  person_changed: {
    icon: "people",
    tell: (actor, subject) => `${actor} changed ${whom(actor, subject)}`,
  },
  person_disabled: {
    icon: "people",
    tell: (actor, subject) => `${actor} switched ${subject} off`,
    grave: true,
  },
  person_enabled: { icon: "people", tell: (actor, subject) => `${actor} switched ${subject} on` },
  person_reset: {
    icon: "key",
    tell: (actor, subject) => `${actor} reset the password of ${subject}`,
    grave: true,
  },
  person_deleted: {
    icon: "trash",
    tell: (actor, subject) => `${actor} deleted ${subject}`,
    grave: true,
  },
  signed_in: { icon: "key", tell: (actor) => `${actor} signed in` },
  sign_in_blocked: {
    icon: "alert",
    tell: (_, subject) => `Too many tries to sign in as ${subject || UNKNOWN}: blocked for a while`,
    grave: true,
  },
  signed_out: { icon: "leave", tell: (actor) => `${actor} signed out` },
  session_ended: { icon: "leave", tell: (actor) => `${actor} ended a session` },
  sessions_ended: { icon: "leave", tell: (actor) => `${actor} signed out everywhere else` },
  token_reused: {
    icon: "alert",
    tell: (_, subject) => `An old token of ${subject} was used again`,
    grave: true,
  },
  password_changed: {
    icon: "key",
    tell: (actor, subject) => `${actor} changed the password${of(actor, subject)}`,
  },
  second_factor_added: { icon: "shield", tell: (actor) => `${actor} switched the second step on` },
  second_factor_removed: {
    icon: "shield",
    tell: (actor) => `${actor} switched the second step off`,
    grave: true,
  },
  recovery_codes_made: { icon: "shield", tell: (actor) => `${actor} made new recovery codes` },
  recovery_code_used: {
    icon: "shield",
    tell: (actor) => `${actor} signed in with a recovery code`,
    grave: true,
  },
  passkey_added: { icon: "key", tell: (actor) => `${actor} added a passkey` },
  passkey_removed: { icon: "key", tell: (actor) => `${actor} removed a passkey` },
  identity_added: { icon: "link", tell: (actor) => `${actor} connected an account elsewhere` },
  identity_removed: {
    icon: "link",
    tell: (actor) => `${actor} disconnected an account elsewhere`,
  },
  key_made: {
    icon: "terminal",
    tell: (actor, subject) => `${actor} made the API key ${named(subject)}`,
  },
  key_removed: {
    icon: "terminal",
    tell: (actor, subject) => `${actor} revoked the API key ${named(subject)}`,
  },
  app_allowed: {
    icon: "link",
    tell: (actor, subject) => `${actor} let the app ${named(subject)} in`,
  },
  app_removed: {
    icon: "link",
    tell: (actor, subject) =>
      `${actor} disconnected ${subject ? `the app ${named(subject)}` : "an app"}`,
  },
  app_reused: {
    icon: "alert",
    tell: (_, subject) => `An old token of an app of ${subject} was used again`,
    grave: true,
  },
  signing_key_changed: { icon: "key", tell: () => "The key that signs tokens was changed" },
  device_paired: {
    icon: "screen",
    tell: (actor, subject) => `${actor} paired the display ${named(subject)}`,
  },
  device_renamed: {
    icon: "screen",
    tell: (actor, subject) => `${actor} renamed the display ${named(subject)}`,
  },
  device_removed: {
    icon: "screen",
    tell: (actor, subject) => `${actor} took the display ${named(subject)} away`,
  },
  pairing_blocked: {
    icon: "alert",
    tell: (actor) => `${actor} tried too many pairing codes: blocked for a while`,
    grave: true,
  },
  budget_nearly_used: {
    icon: "alert",
    tell: (_, subject) => `${subject} has nearly used up the money of the day`,
  },
  tool_server_added: {
    icon: "tool",
    tell: (actor, subject) => `${actor} added the tool server ${named(subject)}`,
    grave: true,
  },
  tool_server_removed: {
    icon: "tool",
    tell: (actor, subject) => `${actor} removed the tool server ${named(subject)}`,
  },
  tool_server_enabled: {
    icon: "tool",
    tell: (actor, subject) => `${actor} switched the tool server ${named(subject)} on`,
  },
  tool_server_disabled: {
    icon: "tool",
    tell: (actor, subject) => `${actor} switched the tool server ${named(subject)} off`,
  },
  tools_switched: {
    icon: "tool",
    tell: (actor, subject) => `${actor} switched tools of ${named(subject)}`,
  },
  tools_approved: {
    icon: "tool",
    tell: (actor, subject) => `${actor} approved tools of ${named(subject)}`,
  },
  tool_traffic_recorded: {
    icon: "alert",
    tell: (actor, subject) => `${actor} began to record what is said with ${named(subject)}`,
    grave: true,
  },
};

export interface Told {
  readonly icon: IconName;
  readonly words: string;
  readonly note: string;
  readonly grave: boolean;
}

export function told(event: AuditEvent): Told {
  const actor = event.actor || "Parlor";
  const kind = Object.hasOwn(KINDS, event.kind) ? KINDS[event.kind] : undefined;
  const words = kind?.tell(actor, event.subject) ?? unknownWords(event.kind, actor, event.subject);
  const from = event.address === "" ? "" : `from ${event.address}`;
  const note = [event.detail, from].filter(Boolean).join(", ");
  return { icon: kind?.icon ?? "journal", words, note, grave: kind?.grave ?? false };
}

/** A newer server may know kinds that this page does not. */
function unknownWords(kind: string, actor: string, subject: string): string {
  const about = subject === "" || subject === actor ? "" : ` (${subject})`;
  return `${actor}: ${kind.replaceAll("_", " ")}${about}`;
}

function whom(actor: string, subject: string): string {
  return actor === subject ? "their own account" : subject;
}

function of(actor: string, subject: string): string {
  return actor === subject ? "" : ` of ${subject}`;
}

function named(subject: string): string {
  return subject === "" ? "without a name" : `“${subject}”`;
}

export interface Day {
  readonly name: string;
  readonly events: readonly AuditEvent[];
}

/** Newest first, as they come. */
export function byDay(events: readonly AuditEvent[], now: number): Day[] {
  const days: { name: string; events: AuditEvent[] }[] = [];
  for (const event of events) {
    const name = dayWords(event.at, now);
    const last = days.at(-1);
    if (last?.name === name) last.events.push(event);
    else days.push({ name, events: [event] });
  }
  return days;
}
