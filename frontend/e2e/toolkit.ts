/** Parlor's own test toolkit as a server of its own, to be taken down and brought up again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { PROGRAM } from "./appliance.ts";

const PATIENCE = 20_000;

export class Toolkit {
  url = "";
  /** The operator's file that names it. */
  readonly definitions: string;
  readonly #folder: string;
  #process: ChildProcess | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
    this.definitions = join(folder, "mcp_servers.json");
  }

  static async start(): Promise<Toolkit> {
    const toolkit = new Toolkit(await mkdtemp(join(tmpdir(), "parlor-tools-")));
    await toolkit.#run(0);
    const servers = [{ id: "toolkit", title: "Toolkit", url: toolkit.url }];
    await writeFile(toolkit.definitions, JSON.stringify({ servers }));
    return toolkit;
  }

  async #run(port: number): Promise<void> {
    const args = ["mcp", "run", "test-toolkit", "--transport", "http", "--port", String(port)];
    const child = spawn(PROGRAM, args, {
      env: {
        PATH: process.env["PATH"],
        HOME: this.#folder,
        PARLOR_STATE_DIR: join(this.#folder, "state"),
      },
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#process = child;
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    for await (const line of createInterface(child.stdout)) {
      this.url = /running at (http:\S+)/.exec(line)?.[1] ?? "";
      if (this.url !== "") break;
    }
    clearTimeout(timer);
    if (this.url === "") throw new Error("the toolkit did not start");
    child.stdout.resume();
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** On the same port. */
  async startAgain(): Promise<void> {
    await this.#run(Number(new URL(this.url).port));
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
