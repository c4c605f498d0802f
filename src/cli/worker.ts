// The worker as a process: telemetry first, then the worker, until a signal; then drained, or forced by a second one.
import { namesOf } from '../broker/names.ts'
import { secretsOf, type Config, type Loaded } from '../config.ts'
import { packageVersion } from '../config/root.ts'
import type { Clock } from '../clock/clock.ts'
import { Telemetry } from '../telemetry/events.ts'
import { openHealth } from '../telemetry/health.ts'
import { openHttp, type HttpOptions, type HttpPort } from '../telemetry/http.ts'
import { openLog, type Log } from '../telemetry/log.ts'
import { openMetrics } from '../telemetry/metrics.ts'
import { watchStalls } from '../telemetry/stalls.ts'
import { reasonOf } from '../telemetry/scrub.ts'
import type { openWorker } from '../wire/open-worker.ts'
import type { openParts } from '../wire/parts.ts'
import { sourcesOf } from '../wire/sources.ts'
import { EXIT, Exit, type ExitCode } from './exit.ts'
import type { Io } from './output.ts'

export interface WorkerWiring {
  readonly clock: Clock
  /** `host:pid`. */
  readonly instance: string
  readonly openParts: typeof openParts
  readonly openWorker: typeof openWorker
  /** Aborts on the second signal. */
  readonly forced: AbortSignal
  /** Called with the log as soon as there is one, so that a crash is written there. */
  readonly onLog: (log: Log) => void
}

/** Runs until a signal. 0 when all was finished, 75 when something was handed back. */
export async function runWorker(io: Io, loaded: Loaded, wiring: WorkerWiring): Promise<ExitCode> {
  const { config, warnings } = loaded
  const { clock, instance } = wiring
  const log = openLog({ level: config.log.level, instance, version: packageVersion(), secrets: secretsOf(config) })
  wiring.onLog(log)
  const telemetry = new Telemetry()
  telemetry.listen(log.listener)
  for (const warning of warnings) telemetry.emit('warning', { what: warning, fix: '' })
  const worker = wiring.openWorker(config, clock, telemetry, { worker: instance, version: packageVersion() })
  const metrics = openMetrics({
    version: packageVersion(),
    clock,
    inHand: () => worker.inHand,
    effects: wiring.openParts(config, clock, telemetry).effects(),
    sources: sourcesOf(worker.store, worker.broker, namesOf(config.rabbitmq.prefix)),
  })
  telemetry.listen(metrics.listener)
  const health = openHealth()
  const http = await openPort(config, health.read, metrics.text)
  telemetry.emit('http.listening', { port: http.port, host: config.http.host })
  const ends = [metrics.start(), watchStalls(clock, telemetry)]
  try {
    const stopped = aborted(io.signal)
    const started = worker.start().then(() => {
      health.watch(
        () => worker.reasons(),
        () => worker.stuck(),
      )
    })
    await Promise.race([started, stopped])
    if (!io.signal.aborted) await stopped
    started.catch(() => undefined)
    const draining = worker.stop('drain')
    wiring.forced.addEventListener(
      'abort',
      () => {
        void worker.stop('force')
      },
      { once: true },
    )
    if (wiring.forced.aborted) void worker.stop('force')
    const { handedBack } = await draining
    return handedBack.length === 0 ? EXIT.ok : EXIT.handedBack
  } catch (failure) {
    log.write('fatal', `the worker could not start: ${reasonOf(failure)}`)
    await worker.stop('force').catch(() => undefined)
    throw failure
  } finally {
    for (const end of ends) end()
    await http.stop()
    log.flush()
  }
}

async function openPort(
  config: Config,
  health: HttpOptions['health'],
  metrics: HttpOptions['metrics'],
): Promise<HttpPort> {
  const { port, host } = config.http
  try {
    return await openHttp({ host, port, health, metrics })
  } catch (failure) {
    const why = (failure as NodeJS.ErrnoException).code ?? reasonOf(failure)
    throw new Exit(
      EXIT.config,
      `http.port ${port} on ${host} cannot be opened (${why}). ` +
        'Set FERRYMAN_HTTP_PORT to a free port, or to 0 for any.',
    )
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
  })
}
