// Prints a run as a compact tree, then what failed with the difference; leaves the counts in a file.
import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'

const { Base } = Mocha.reporters
const { EVENT_SUITE_BEGIN, EVENT_SUITE_END, EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_RUN_END } =
  Mocha.Runner.constants

/** A test that takes longer shows its time. */
const SLOW_MS = 200
/** A run that is cut off has still told why something failed. */
const FAILURE_CHARS = 1_000

export default class Reporter extends Base {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    const output = (options.reporterOptions as { output?: string } | undefined)?.output
    const counts = { passed: 0, failed: 0, skipped: 0 }
    let depth = -1
    const line = (text: string): void => {
      console.log(`${'  '.repeat(Math.max(depth, 0))}${text}`)
    }
    runner.on(EVENT_SUITE_BEGIN, (suite) => {
      depth++
      if (!suite.root) line(suite.title)
    })
    runner.on(EVENT_SUITE_END, () => {
      depth--
    })
    runner.on(EVENT_TEST_PASS, (test) => {
      counts.passed++
      const time = (test.duration ?? 0) > SLOW_MS ? ` (${test.duration} ms)` : ''
      line(`  ✓ ${test.title}${time}`)
    })
    runner.on(EVENT_TEST_FAIL, (test, failure: Error) => {
      counts.failed++
      line(`  ✗ ${test.title}: ${failure.message.slice(0, FAILURE_CHARS)}`) // the difference comes at the end
    })
    runner.on(EVENT_TEST_PENDING, (test) => {
      counts.skipped++
      line(`  - ${test.title} (skipped)`)
    })
    runner.once(EVENT_RUN_END, () => {
      if (this.failures.length > 0) Base.list(this.failures)
      if (output !== undefined) writeFileSync(output, JSON.stringify(counts))
    })
  }
}
