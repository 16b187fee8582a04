import { BufferPool } from "./buffers.ts";
import { type EndReason, newCounters, type RefusalReason, type ServiceCounters } from "./counters.ts";
import { healthKey, type PoolEndpoint } from "./endpoint.ts";
import { Health } from "./health.ts";
import { Admissions } from "./limits.ts";
import { type Log, SparseLog } from "./log.ts";
import { type Listening, type Place, Places } from "./places.ts";
import { type Binding, joinPlans, type ProxyPlan } from "./plan.ts";
import { Pool, type PoolPlan } from "./pool.ts";
import { probeTcp } from "./probe.ts";
import { Relay, type RelayHost } from "./relay.ts";
import type { ProxySettings } from "./settings.ts";
import { admit } from "./sources.ts";
import { listenTcp, type OpenClient } from "./tcp-listen.ts";
import { UdpPlace } from "./udp-place.ts";

/** How often times are looked at. */
const sweepMs = 500;

export interface EngineOptions {
  readonly settings: ProxySettings;
  readonly log: Log;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Canonical texts of the machine's addresses. */
  readonly nodeAddresses: () => ReadonlySet<string>;
  /** An endpoint of a service port has accepted, after so many seconds. */
  readonly onDial?: (service: string, seconds: number) => void;
}

/**
 * Carries connections as a plan says, and takes over another plan while it does. What both plans have goes on untouched:
 * sockets that listen, connections, who is bound to which endpoint and whose turn it is.
 */
export class ProxyEngine implements RelayHost {
  readonly settings: ProxySettings;
  readonly buffers = new BufferPool();
  readonly admissions: Admissions;
  readonly health: Health;
  tick: number;
  /** How often a plan was taken over. */
  generation = 0;
  readonly #options: EngineOptions;
  readonly #sparse: SparseLog;
  readonly #places = new Places((place, port) => this.#listen(place, port));
  readonly #pools = new Map<string, Pool>();
  readonly #counters = new Map<string, ServiceCounters>();
  readonly #relays = new Set<Relay>();
  readonly #sweeper: NodeJS.Timeout;
  #plan = joinPlans([]);
  #nodeAddresses: ReadonlySet<string>;
  #isClosing = false;
  #whenEmpty: (() => void) | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.settings = options.settings;
    this.admissions = new Admissions(options.settings);
    this.health = new Health((key, isUp, failures) => {
      const [protocol = "", endpoint = ""] = key.split(" ");
      options.log(isUp ? "info" : "warn", isUp ? "endpoint-back" : "endpoint-failing", {
        protocol,
        endpoint,
        failures,
      });
    });
    this.#sparse = new SparseLog(options.log, options.now);
    this.#nodeAddresses = options.nodeAddresses();
    this.tick = options.now();
    this.#sweeper = setInterval(() => this.sweep(), sweepMs);
  }

  /** What it goes by. */
  get plan(): ProxyPlan {
    return this.#plan;
  }

  get places(): readonly Place[] {
    return this.#places.all;
  }

  get pools(): readonly Pool[] {
    return [...this.#pools.values()];
  }

  /** By service port; of those that the table once had too. */
  get counters(): readonly ServiceCounters[] {
    return [...this.#counters.values()];
  }

  /** TCP connections; UDP clients are counted in `admissions` alone. */
  get connections(): number {
    return this.#relays.size;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  now(): number {
    return this.#options.now();
  }

  /** Goes by another plan from now on. Never two at the same time. */
  async take(plan: ProxyPlan): Promise<readonly Place[]> {
    this.#plan = plan;
    this.#nodeAddresses = this.#options.nodeAddresses();
    const leaveBy = this.now() + this.settings.drainMs;
    for (const [name, poolPlan] of plan.pools) {
      const pool = this.#pools.get(name) ?? this.#newPool(poolPlan);
      this.#pools.set(name, pool);
      pool.update(poolPlan, leaveBy);
    }
    for (const [name, pool] of this.#pools) if (!plan.pools.has(name)) pool.update(null, leaveBy);
    await this.#places.take(plan.bindings, this.now());
    this.sweep();
    this.generation++;
    return this.places;
  }

  /** Takes no new connections, and resolves when those it has are over: by themselves, or when the time to drain is. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#places.close();
    const leaveBy = this.now() + this.settings.drainMs;
    for (const pool of this.#pools.values()) pool.update(null, leaveBy);
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      this.#checkEmpty();
    });
  }

  /** Ends all connections now. */
  abort(reason: EndReason = "shutdown"): void {
    for (const relay of [...this.#relays]) relay.end(reason);
  }

  /** Looks at everything that has a time; called twice a second. */
  sweep(): void {
    const now = this.now();
    this.tick = now;
    this.admissions.memoryBytes = process.memoryUsage.rss();
    for (const relay of this.#relays) relay.sweep(now);
    this.#places.sweep(now);
    for (const [name, pool] of this.#pools) {
      pool.sweep(now);
      if (pool.endpoints.length === 0 && !this.#plan.pools.has(name)) this.#pools.delete(name);
    }
    this.#probe(now);
  }

  lacking(code: string): void {
    this.#sparse.say("system-limit", code, { code, connections: this.admissions.count });
  }

  dialed(pool: Pool, milliseconds: number): void {
    this.#options.onDial?.(pool.counters.key, milliseconds / 1000);
  }

  ended(relay: Relay): void {
    this.#relays.delete(relay);
    if (relay.clientAddress !== null) this.admissions.leave(relay.clientAddress);
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#whenEmpty === null || this.#relays.size > 0) return;
    clearInterval(this.#sweeper);
    this.#whenEmpty();
    this.#whenEmpty = null;
  }

  async #listen(place: { readonly binding: Binding }, port: number): Promise<Listening> {
    const { address, protocol } = place.binding;
    if (protocol === "udp") {
      const admitted = (client: string) => this.#admit(place.binding, client);
      return UdpPlace.open({ engine: this, admit: admitted }, address, port);
    }
    const onClient = (open: OpenClient) => this.#accept(place.binding, open);
    const { close } = await listenTcp({
      address,
      port,
      onClient,
      onError: ({ code }) => this.lacking(code ?? "accept"),
    });
    return { close, sweep: () => {} };
  }

  #countersOf(key: string): ServiceCounters {
    const known = this.#counters.get(key) ?? newCounters(key);
    this.#counters.set(key, known);
    return known;
  }

  #newPool(plan: PoolPlan): Pool {
    return new Pool(plan, this.#countersOf(plan.key), this.health, this.settings.maxAffinity);
  }

  #accept(binding: Binding, open: OpenClient): void {
    const relay = new Relay(this, open);
    const client = relay.clientAddress;
    // without an address it came and went
    const pool = client === null ? "no-endpoint" : this.#admit(binding, client);
    if (client === null || typeof pool === "string") {
      relay.refuse();
    } else {
      this.#relays.add(relay);
      relay.start(pool, client);
    }
  }

  /** The pool for a new client of a binding, who was counted; or why there is none, which was counted too. */
  #admit(binding: Binding, client: string): Pool | RefusalReason {
    const admission = admit(binding, client, { pods: this.#plan.pods, nodeAddresses: this.#nodeAddresses });
    const pool = "pool" in admission ? (this.#pools.get(admission.pool) ?? "no-endpoint") : admission.refused;
    const reason = typeof pool === "string" ? pool : this.admissions.enter(client);
    if (reason === null) return pool;
    const { key } = binding;
    this.#countersOf(key).refusals[reason]++;
    this.#sparse.say("refused", `${key} ${reason}`, { service: key, client, reason });
    return reason;
  }

  /** Tries endpoints that failed some time ago. */
  #probe(now: number): void {
    const due = this.health.due(now);
    if (due.length === 0) return;
    const known = new Map<string, PoolEndpoint>();
    for (const pool of this.#pools.values()) {
      for (const endpoint of pool.endpoints) known.set(healthKey(pool.protocol, endpoint), endpoint);
    }
    this.health.keep((key) => known.has(key));
    for (const key of due) {
      const endpoint = known.get(key);
      // nobody answers a datagram because it was sent: the next client finds out
      if (!key.startsWith("tcp ")) this.health.accepts(key);
      else if (endpoint !== undefined) {
        void probeTcp(endpoint).then((accepts) => {
          if (accepts) this.health.accepts(key);
          else this.health.triedInVain(key, this.now());
        });
      }
    }
  }
}
