import { describe, expect, it } from "vitest";
import { BufferPool, scratch } from "../../../runtime/proxy/buffers.ts";
import { Pipe } from "../../../runtime/proxy/pipe.ts";

/** A pipe between two ends that do as they are told: the sink takes everything at once while `isOpen`. */
function testPipe(buffers = new BufferPool()) {
  const sink = { isOpen: true, held: [] as Buffer[], written: [] as (() => void)[] };
  let resumed = 0;
  const owner = { tick: 0, passed: () => {} };
  const pipe = new Pipe(owner, buffers);
  pipe.from = { pause: () => {}, resume: () => resumed++ };
  pipe.to = {
    write: (bytes, written) => {
      sink.held.push(bytes);
      if (!sink.isOpen) sink.written.push(written);
    },
    get writableLength() {
      return sink.isOpen ? 0 : sink.held.length;
    },
  };
  return {
    pipe,
    sink,
    owner,
    buffers,
    resumed: () => resumed,
    /** The socket reads into where it was told last, and asks where the next read goes, as Node.js does. */
    reads: (text: string) => {
      const into = pipe.buffer();
      into.write(text);
      const goesOn = pipe.read(text.length, into);
      return { goesOn, next: pipe.buffer() };
    },
    takesAll: () => {
      sink.isOpen = true;
      for (const written of sink.written.splice(0)) written();
    },
    seen: () => sink.held.map((bytes) => bytes.toString()),
  };
}

const full = "x".repeat(scratch.length);

describe("a pipe", () => {
  it("keeps what waits for a slow receiver, while others read into the same buffer", () => {
    const [slow, other] = [testPipe(), testPipe()];
    slow.sink.isOpen = false;
    expect(slow.reads("for the slow one")).toEqual({ goesOn: false, next: scratch });
    expect(other.reads("for somebody else").goesOn).toBe(true);
    expect(slow.seen()).toEqual(["for the slow one"]);
  });

  it("reads on when what it read is taken, and not before", () => {
    const { pipe, sink, reads, takesAll, resumed } = testPipe();
    sink.isOpen = false;
    expect(reads("one").goesOn).toBe(false);
    expect([pipe.waitsSince, resumed()]).toEqual([0, 0]);
    takesAll();
    expect([pipe.waitsSince, resumed()]).toEqual([-1, 1]);
  });

  it("gets a buffer of its own while much comes, and gives it back after a short read", () => {
    const { reads, buffers } = testPipe();
    expect(reads("little").next).toBe(scratch);
    const { next } = reads(full);
    expect(next.length).toBeGreaterThan(scratch.length);
    expect(buffers.lentBytes).toBe(next.length);
    expect(reads(full).next).toBe(next);
    expect(reads("little").next).toBe(scratch);
    expect(buffers.lentBytes).toBe(0);
  });

  it("lends its buffer to nobody else before what is in it is taken", () => {
    const { reads, sink, takesAll, buffers } = testPipe();
    const { next } = reads(full);
    sink.isOpen = false;
    expect(reads("the rest")).toEqual({ goesOn: false, next: scratch });
    expect(buffers.lentBytes).toBe(next.length);
    takesAll();
    expect(buffers.lentBytes).toBe(0);
  });

  it("gives a large buffer up when its receiver was slow", () => {
    const { reads, sink, takesAll, owner } = testPipe();
    const { next } = reads(full);
    sink.isOpen = false;
    expect(reads(full).next).toBe(next);
    owner.tick = 500;
    takesAll();
    expect(reads(full).next).toBe(scratch);
  });

  it("that is closed gives its buffer back, when it is written", () => {
    const { pipe, reads, sink, takesAll, buffers, resumed } = testPipe();
    reads(full);
    sink.isOpen = false;
    reads(full);
    pipe.close();
    expect(buffers.lentBytes).toBeGreaterThan(0);
    takesAll();
    expect([buffers.lentBytes, resumed()]).toEqual([0, 0]);
  });

  it("goes on by the shared buffer when there are no others", () => {
    const buffers = new BufferPool();
    while (buffers.take() !== null) {
      // all of them
    }
    expect(testPipe(buffers).reads(full)).toEqual({ goesOn: true, next: scratch });
  });
});
