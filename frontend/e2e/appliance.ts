/** A whole Parlor on a free port, with a state folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PROGRAM = process.env["PARLOR"] ?? join(import.meta.dirname, "../../.venv/bin/parlor");
const PATIENCE = 20_000;

export class Appliance {
  url = "";
  /** Printed at the first start only. */
  setupLink = "";
  readonly #state: string;
  readonly #settings: Readonly<Record<string, string>>;
  #process: ChildProcess | null = null;

  private constructor(state: string, settings: Readonly<Record<string, string>>) {
    this.#state = state;
    this.#settings = settings;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Appliance> {
    const state = await mkdtemp(join(tmpdir(), "parlor-e2e-"));
    const appliance = new Appliance(state, settings);
    await appliance.#run(0);
    return appliance;
  }

  async #run(port: number): Promise<void> {
    const child = spawn(PROGRAM, ["serve", "--host", "127.0.0.1", "--port", String(port)], {
      env: {
        PATH: process.env["PATH"],
        HOME: this.#state,
        PARLOR_STATE_DIR: this.#state,
        ...this.#settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    const heard: string[] = [];
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    child.stderr.on("data", (data: Buffer) => heard.push(data.toString()));
    for await (const line of createInterface(child.stdout)) {
      heard.push(line);
      this.url = /running at (http:\S+)/.exec(line)?.[1] ?? this.url;
      this.setupLink = /http:\S+\/setup#code=\S+/.exec(line)?.[0] ?? this.setupLink;
      if (this.setupLink !== "" && (await this.#answers())) break;
    }
    clearTimeout(timer);
    if (this.url === "") throw new Error(`Parlor did not start:\n${heard.join("\n")}`);
    child.stdout.resume();
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health`)).ok;
    } catch {
      return false;
    }
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** The same state on the same port, as after a power cut. */
  async startAgain(): Promise<void> {
    const { port } = new URL(this.url);
    await this.#run(Number(port));
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    await rm(this.#state, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await ended;
    clearTimeout(timer);
  }
}
