// The model of the journal and what taking a rule away does to it; a selection, since all of it takes minutes.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { projectRoot } from '../support/project-root.ts'

const run = promisify(execFile)

describe('the model of the journal', () => {
  for (const configurations of ['PAUSE', 'ONCE', 'DIGEST']) {
    it(`holds with its rules and breaks without one, in the configurations of ${configurations}`, async function () {
      this.timeout(120_000)
      const { stdout } = await run(process.execPath, [
        join(projectRoot(), 'docs', 'models', 'check.mjs'),
        configurations,
      ])
      const rows = stdout.trim().split('\n')
      expect(rows.length).to.be.greaterThan(0)
      expect(rows.filter((row) => !row.startsWith('ok'))).to.deep.equal([])
    })
  }
})
