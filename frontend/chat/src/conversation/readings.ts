/** Answers come in any order: what an older reading says does not undo a younger one, and one that
 * was asked for before a choice was made, or beside it, does not take that back. */
export class Readings {
  #moment = 0;
  #taken = 0;
  #chosen = 0;

  /** When something was asked, as a count. */
  asks(): number {
    return ++this.#moment;
  }

  /** Whether its answer is still worth anything. */
  takes(asked: number): boolean {
    if (asked < this.#taken) return false;
    this.#taken = asked;
    return true;
  }

  chooses(): void {
    this.#chosen = ++this.#moment;
  }

  knowsOfChoice(asked: number): boolean {
    return asked > this.#chosen;
  }
}
