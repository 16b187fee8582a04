import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { freePort, runningProxy, type TestService, udpClient, udpEndpoint } from "../../support/proxy.ts";

async function serviceOf(ports: readonly number[], more: Partial<TestService> = {}): Promise<TestService> {
  return { protocol: "udp", port: await freePort(), endpoints: ports.map((port) => ({ port })), ...more };
}

const proxyTo = async (ports: readonly number[], settings = {}) => runningProxy([await serviceOf(ports)], settings);

describe("a UDP client", () => {
  it("gets its answers from the address that it spoke to, up to the longest datagram there is", async () => {
    const { port } = await udpEndpoint((bytes) => bytes.toString("latin1").length.toString());
    const mirror = await udpEndpoint((bytes) => bytes);
    const proxy = await runningProxy([await serviceOf([port]), await serviceOf([mirror.port])]);
    const client = await udpClient(proxy.portOf(0));
    for (const length of [0, 1, 1500, 65_507]) expect(await client.ask(Buffer.alloc(length, 1))).toBe(String(length));
    const bytes = randomBytes(65_507).toString("hex").slice(0, 65_507);
    expect(await (await udpClient(proxy.portOf(1))).ask(bytes)).toBe(bytes);
  });

  it("keeps its endpoint and its source port there, while others get other ones", async () => {
    const [one, two] = [await udpEndpoint(() => "one"), await udpEndpoint(() => "two")];
    const proxy = await proxyTo([one.port, two.port]);
    const [first, second] = [await udpClient(proxy.portOf(0)), await udpClient(proxy.portOf(0))];
    const answers = [];
    for (const client of [first, second, first, second, first]) answers.push(await client.ask("?"));
    expect(answers).toEqual(["one", "two", "one", "two", "one"]);
    expect([one.clients(), two.clients()]).toEqual([1, 1]);
  });

  it("loses nothing that it sends at once, before the endpoint's socket is connected", async () => {
    const seen: string[] = [];
    const { port } = await udpEndpoint((bytes) => {
      seen.push(bytes.toString());
      return null;
    });
    const proxy = await proxyTo([port]);
    const client = await udpClient(proxy.portOf(0));
    for (let at = 0; at < 10; at++) client.send(`${at}`);
    await expect.poll(() => seen.join("")).toBe("0123456789");
  });

  it("is answered by another endpoint when nobody listens at the first one", async () => {
    const { port } = await udpEndpoint(() => "here");
    const proxy = await proxyTo([await freePort(), port]);
    expect(await (await udpClient(proxy.portOf(0))).ask("?")).toBe("here");
    expect(proxy.engine.pools[0]?.endpoints.map(({ refused }) => refused)).toEqual([1, 0]);
    expect(await (await udpClient(proxy.portOf(0))).ask("?")).toBe("here");
    expect(proxy.engine.pools[0]?.endpoints.map(({ refused }) => refused)).toEqual([1, 0]);
  });

  it("is forgotten when it was silent for long, with its descriptor", async () => {
    const { port } = await udpEndpoint(() => "here");
    const proxy = await proxyTo([port], { udpIdleMs: 1000 });
    const client = await udpClient(proxy.portOf(0));
    await client.ask("?");
    proxy.later(999);
    await client.ask("?");
    proxy.later(999);
    expect(proxy.engine.admissions.count).toBe(1);
    proxy.later(2);
    expect(proxy.engine.admissions.count).toBe(0);
    expect(proxy.engine.pools[0]?.endpoints[0]?.active).toBe(0);
    expect(await client.ask("?")).toBe("here");
  });

  it("goes to another endpoint as soon as its own has left the table", async () => {
    const [one, two] = [await udpEndpoint(() => "one"), await udpEndpoint(() => "two")];
    const service = await serviceOf([one.port]);
    const proxy = await runningProxy([service]);
    const client = await udpClient(proxy.portOf(0));
    expect(await client.ask("?")).toBe("one");
    await proxy.take([{ ...service, endpoints: [{ port: two.port }], drained: [{ port: one.port }] }]);
    expect(await client.ask("?")).toBe("one");
    await proxy.take([{ ...service, endpoints: [{ port: two.port }] }]);
    expect(await client.ask("?")).toBe("two");
  });
});

describe("the table of UDP clients", () => {
  it("is bounded: a client that nobody answered makes room, one that was answered stays", async () => {
    const { port } = await udpEndpoint((bytes) => (bytes.toString() === "quiet" ? null : "here"));
    const proxy = await proxyTo([port], { maxConnections: 2 });
    const [answered, quiet, third, fourth] = await Promise.all([0, 1, 2, 3].map(() => udpClient(proxy.portOf(0))));
    expect(await answered?.ask("?")).toBe("here");
    quiet?.send("quiet");
    await expect.poll(() => proxy.engine.admissions.count).toBe(2);
    expect(await third?.ask("?")).toBe("here");
    expect(proxy.engine.admissions.count).toBe(2);
    fourth?.send("?");
    await expect.poll(() => proxy.engine.counters[0]?.refusals.connections).toBe(2);
    expect(await answered?.ask("?")).toBe("here");
  });
});

describe("across families", () => {
  it("an IPv4 client is answered by an IPv6 endpoint", async (context) => {
    const endpoint = await udpEndpoint(() => "six", "::1").catch(() => null);
    if (endpoint === null) return context.skip("this machine has no IPv6");
    const proxy = await runningProxy([await serviceOf([], { endpoints: [{ address: "::1", port: endpoint.port }] })]);
    expect(await (await udpClient(proxy.portOf(0))).ask("?")).toBe("six");
  });
});
