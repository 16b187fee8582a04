/** Where the servers of the measurements listen on 127.0.0.1, in a namespace of its own. */
export const ports = {
  /** TCP: sends without end. */
  source: 7001,
  /** TCP: takes without end, answers the number of bytes when the client has ended. */
  sink: 7002,
  /** TCP: sends one byte and is silent. */
  greeter: 7003,
  /** TCP: answers HTTP requests with 200. */
  http: 7004,
  /** UDP: sends back what it got. */
  echo: 7005,
  /** TCP: the same; ends when the client has. */
  mirror: 7006,
} as const;

export type Role = keyof typeof ports;

export const roles = ["source", "sink", "greeter", "http", "echo", "mirror"] as const satisfies readonly Role[];
