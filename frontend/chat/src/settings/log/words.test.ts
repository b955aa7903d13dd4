import type { AuditEvent } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import { byDay, told } from "./words.ts";

function event(changes: Partial<AuditEvent>): AuditEvent {
  return {
    number: 1,
    at: new Date(2026, 10, 21, 9, 30).toISOString(),
    kind: "signed_in",
    actor: "Anna",
    subject: "Anna",
    detail: "",
    address: "192.168.1.20",
    ...changes,
  };
}

test("what happened is told in a sentence", () => {
  expect(told(event({}))).toMatchObject({
    words: "Anna signed in",
    note: "from 192.168.1.20",
    grave: false,
  });
  expect(
    told(event({ kind: "person_added", subject: "Max", detail: "role: child" })),
  ).toMatchObject({ words: "Anna added Max", note: "role: child, from 192.168.1.20" });
  expect(told(event({ kind: "device_paired", subject: "Kitchen" })).words).toBe(
    "Anna paired the display “Kitchen”",
  );
  expect(told(event({ kind: "sign_in_blocked", actor: "", address: "" }))).toMatchObject({
    words: "Too many tries to sign in as Anna: blocked for a while",
    grave: true,
    note: "",
  });
  expect(told(event({ kind: "app_allowed", subject: "Desk", detail: "tools" }))).toMatchObject({
    words: "Anna let the app “Desk” in",
    note: "tools, from 192.168.1.20",
  });
  expect(told(event({ kind: "app_removed", subject: "" })).words).toBe("Anna disconnected an app");
  expect(told(event({ kind: "password_changed" })).words).toBe("Anna changed the password");
});

test("what nobody knows is told as it is", () => {
  expect(told(event({ kind: "moon_landed", actor: "", subject: "Luna" })).words).toBe(
    "Parlor: moon landed (Luna)",
  );
  expect(told(event({ kind: "constructor" })).words).toBe("Anna: constructor");
});

test("events stand under their day", () => {
  const now = new Date(2026, 10, 21, 15).getTime();
  const earlier = event({ at: new Date(2026, 10, 20, 12).toISOString(), number: 2 });
  const days = byDay([event({}), event({ number: 3 }), earlier], now);
  expect(days.map(({ name, events }) => [name, events.length])).toEqual([
    ["Today", 2],
    ["Yesterday", 1],
  ]);
});
