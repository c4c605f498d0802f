// The models of journal, locks and Placement, and what taking a rule away does; of that a third, another each day.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { projectRoot } from '../support/project-root.ts'

const run = promisify(execFile)

const MODELS: Readonly<Record<string, readonly string[]>> = {
  journal: ['PAUSE', 'ONCE', 'DIGEST'],
  locks: ['holds', 'breaks'],
  placement: ['holds', 'breaks'],
}

for (const [model, configurations] of Object.entries(MODELS)) {
  describe(`the model of the ${model}`, () => {
    for (const configuration of configurations) {
      it(`holds with its rules and breaks without one, in the configurations of ${configuration}`, async function () {
        this.timeout(600_000) // seconds on a quiet machine
        const script = join(projectRoot(), 'docs', 'models', 'check.mjs')
        const some = configuration === 'breaks' ? ['--every=3'] : []
        const { stdout } = await run(process.execPath, [script, model, configuration, ...some])
        const rows = stdout.trim().split('\n')
        expect(rows.length).to.be.greaterThan(0)
        expect(rows.filter((row) => !row.startsWith('ok'))).to.deep.equal([])
      })
    }
  })
}
