// The mark that says whether an effect may be repeated after a timeout. It is part of the effect's type.

export type Safety = 'idempotent' | 'once'

const made = new WeakSet<object>()

/**
 * Something that changes the world outside, marked once where it is made. `name` is `<ledger or part>.<verb>`;
 * `because` names the mechanism that makes repeating harmless, or what repeating would do.
 */
export class Effect<Input, Output, Mark extends Safety> {
  readonly #run: (input: Input) => Promise<Output>
  readonly name: string
  readonly because: string
  readonly safety: Mark

  constructor(name: string, safety: Mark, because: string, run: (input: Input) => Promise<Output>) {
    this.name = name
    this.safety = safety
    this.because = because
    this.#run = run
    made.add(this)
    Object.freeze(this)
  }

  /** Carries it out, one time. */
  once(input: Input): Promise<Output> {
    return this.#run(input)
  }
}

/** Marks an effect that may be carried out any number of times with the result of one. */
export function idempotent<Input, Output>(
  name: string,
  because: string,
  run: (input: Input) => Promise<Output>,
): Effect<Input, Output, 'idempotent'> {
  return new Effect(name, 'idempotent', because, run)
}

/** Marks an effect that must not be repeated after a timeout. */
export function once<Input, Output>(
  name: string,
  because: string,
  run: (input: Input) => Promise<Output>,
): Effect<Input, Output, 'once'> {
  return new Effect(name, 'once', because, run)
}

/** Whether `effect` was made by `idempotent`; types can be circumvented, this cannot. */
export function isIdempotent(effect: unknown): boolean {
  return (
    typeof effect === 'object' &&
    effect !== null &&
    made.has(effect) &&
    (effect as Effect<unknown, unknown, Safety>).safety === 'idempotent'
  )
}
