import { hashText } from "../../compiler/backends/hash.ts";
import type { ProxyAffinity, ProxyListener } from "../../compiler/backends/userspace/program.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import { AffinityMap, affinityKey } from "./affinity.ts";
import { type Choice, choiceOf, choose } from "./choice.ts";
import type { ServiceCounters } from "./counters.ts";
import { healthKey, newEndpoint, type PoolEndpoint } from "./endpoint.ts";
import type { Health } from "./health.ts";

/** What a pool is made from: a listener of the table, wherever the proxy listens for it. */
export type PoolPlan = Pick<
  ProxyListener,
  "name" | "key" | "family" | "protocol" | "affinity" | "scheduler" | "endpoints" | "drained"
>;

/** The endpoints of one listener, whose turn it is, and who came before. It knows no sockets. */
export class Pool {
  readonly name: string;
  readonly protocol: PoolPlan["protocol"];
  readonly counters: ServiceCounters;
  readonly #health: Health;
  readonly #clients: AffinityMap;
  #affinity: ProxyAffinity | null = null;
  #choice: Choice = choiceOf(null);
  /** Those in the table first, in its order; then those that left and have connections. */
  #endpoints: readonly PoolEndpoint[] = [];
  #usable: ReadonlyMap<string, PoolEndpoint> = new Map();
  constructor({ name, protocol }: PoolPlan, counters: ServiceCounters, health: Health, maxAffinity: number) {
    this.name = name;
    this.protocol = protocol;
    this.counters = counters;
    this.#health = health;
    this.#clients = new AffinityMap(maxAffinity);
  }

  get endpoints(): readonly PoolEndpoint[] {
    return this.#endpoints;
  }

  get remembered(): number {
    return this.#clients.size;
  }

  /** Takes a new state of the table over; null: the listener is gone. What left may keep its connections until `leaveBy`. */
  update(plan: PoolPlan | null, leaveBy: number): void {
    const known = new Map(this.#endpoints.map((endpoint) => [endpoint.id, endpoint]));
    const take = ({ address, port }: PoolPlan["drained"][number], weight: number): PoolEndpoint => {
      const endpoint = known.get(formatSocket(address, port)) ?? newEndpoint(address, port);
      known.delete(endpoint.id);
      endpoint.weight = weight;
      endpoint.leavesAt = null;
      return endpoint;
    };
    const active = (plan?.endpoints ?? []).map((one) => take(one, one.weight));
    const drained = (plan?.drained ?? []).map((one) => take(one, 0));
    const leaving = [...known.values()].filter((endpoint) => endpoint.active > 0);
    for (const endpoint of known.values()) {
      endpoint.weight = 0;
      endpoint.leavesAt ??= leaveBy;
    }
    this.#endpoints = [...active, ...drained, ...leaving];
    // a turn that was waited for under other weights would come all at once
    for (const endpoint of this.#endpoints) endpoint.current = Math.min(endpoint.current, endpoint.weight);
    this.#choice = choiceOf(plan?.scheduler ?? null);
    this.#affinity = plan?.affinity ?? null;
    this.#usable = new Map(active.map((endpoint) => [endpoint.id, endpoint]));
    this.#clients.forgetEndpoints((id) => this.#affinity !== null && this.#usable.has(id));
  }

  /**
   * The endpoint for a client's next connection; null when all were tried or there is none. One that is marked as failing
   * is chosen only where no other is left.
   */
  choose(client: string, now: number, tried: ReadonlySet<PoolEndpoint>): PoolEndpoint | null {
    const affinity = this.#affinity;
    const who = affinity === null ? client : affinityKey(client, affinity);
    const isUntried = (endpoint: PoolEndpoint) => endpoint.weight > 0 && !tried.has(endpoint);
    const isUp = (endpoint: PoolEndpoint) =>
      isUntried(endpoint) && this.#health.isUp(healthKey(this.protocol, endpoint));
    if (affinity !== null) {
      const id = this.#clients.find(who, now, affinity.timeoutSeconds * 1000);
      const kept = id === null ? undefined : this.#usable.get(id);
      if (kept !== undefined && isUp(kept)) {
        this.#clients.remember(who, kept.id, now);
        return kept;
      }
    }
    const hash = () => hashText(who);
    const chosen =
      choose(this.#choice, this.#endpoints, isUp, hash) ?? choose(this.#choice, this.#endpoints, isUntried, hash);
    if (affinity !== null && chosen !== null) this.#clients.remember(who, chosen.id, now);
    return chosen;
  }

  failed(endpoint: PoolEndpoint, now: number): void {
    this.#health.failed(healthKey(this.protocol, endpoint), now);
  }

  /** It has reset a connection of which it got bytes, and gave none. */
  doubted(endpoint: PoolEndpoint, now: number): void {
    this.#health.doubted(healthKey(this.protocol, endpoint), now);
  }

  answered(endpoint: PoolEndpoint): void {
    this.#health.answered(healthKey(this.protocol, endpoint));
  }

  /** Forgets clients whose time is over and endpoints that have nothing any more. */
  sweep(now: number): void {
    if (this.#affinity !== null) this.#clients.expire(now, this.#affinity.timeoutSeconds * 1000);
    if (this.#endpoints.some((endpoint) => endpoint.leavesAt !== null && endpoint.active === 0)) {
      this.#endpoints = this.#endpoints.filter((endpoint) => endpoint.leavesAt === null || endpoint.active > 0);
    }
  }
}
