/** What the owner decides about people, and adults about displays. */
import type { Http } from "./http.ts";
import type {
  AuditPage,
  Device,
  DeviceName,
  PairingSeen,
  Person,
  PersonChange,
  Registration,
  SignedInUser,
} from "./types.ts";

export class HouseholdApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  people(): Promise<{ items: Person[] }> {
    return this.#http.json("GET", "/api/people");
  }

  addPerson(person: Registration): Promise<SignedInUser> {
    return this.#http.json("POST", "/api/auth/register", person);
  }

  changePerson(id: string, change: PersonChange): Promise<Person> {
    return this.#http.json("PATCH", `/api/people/${encodeURIComponent(id)}`, change);
  }

  resetPerson(id: string, password: string): Promise<void> {
    return this.#http.json("POST", `/api/people/${encodeURIComponent(id)}/reset`, { password });
  }

  removePerson(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/people/${encodeURIComponent(id)}`);
  }

  audit(cursor: string | null): Promise<AuditPage> {
    const query = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    return this.#http.json("GET", `/api/audit${query}`);
  }

  devices(): Promise<{ items: Device[] }> {
    return this.#http.json("GET", "/api/devices");
  }

  renameDevice(id: string, name: string): Promise<DeviceName> {
    return this.#http.json("PATCH", `/api/devices/${encodeURIComponent(id)}`, { name });
  }

  removeDevice(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/devices/${encodeURIComponent(id)}`);
  }

  lookAtPairing(code: string): Promise<PairingSeen> {
    return this.#http.json("POST", "/api/devices/pairings/look", { code });
  }

  approvePairing(code: string, name: string): Promise<{ device: DeviceName }> {
    return this.#http.json("POST", "/api/devices/pairings/approve", { code, name });
  }
}
