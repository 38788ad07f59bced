/** The real server for tests, from `VIBETALK_BIN`, with a data folder of its own; and a proxy in front of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const BINARY = process.env.VIBETALK_BIN;

export interface TestServer {
  readonly url: string;
  /** As a crash. */
  kill(): Promise<void>;
  /** As an operator does it: it drains first. */
  stop(): Promise<void>;
  /** On the same port, with the same data. */
  start(): Promise<void>;
  /** For good. */
  remove(): Promise<void>;
}

export async function startServer(settings: Record<string, string | number> = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "vibetalk-web-client-"));
  let child: ChildProcess;
  let port = 0;

  async function start(): Promise<void> {
    const set = { "metrics.listen": "127.0.0.1:0", "limits.rates": "false", ...settings };
    const overrides = Object.entries(set).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
    const args = ["serve", "--listen", `127.0.0.1:${port}`, "--data-dir", dataDir, ...overrides];
    // Every VIBETALK_… is a setting to the server.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("VIBETALK_")),
    );
    child = spawn(BINARY as string, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    port = await new Promise<number>((resolve, reject) => {
      let output = "";
      const read = (bytes: Buffer) => {
        output += bytes.toString();
        const found = /listening on http:\/\/127\.0\.0\.1:(\d+)\s*$/m.exec(output);
        if (found) resolve(Number(found[1]));
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", read);
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}\n${output}`)));
    });
  }

  async function end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await ended;
  }

  await start();
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    start,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    async remove() {
      await end("SIGKILL");
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Passes HTTP on and refuses every upgrade, as some companies' proxies do. */
export async function startProxyWithoutWebSocket(target: string) {
  let upgrades = 0;
  let down = false;
  const answered = new Map<number, () => void>();
  const proxy: Server = createServer((incoming, outgoing) => {
    if (down) return void outgoing.destroy();
    const { method, url, headers } = incoming;
    const forwarded = request(new URL(url ?? "/", target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answered.get(answer.statusCode ?? 0)?.();
    });
    forwarded.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  proxy.on("upgrade", (_request, socket) => {
    upgrades++;
    socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    get upgrades() {
      return upgrades;
    },
    /** The first answer with this status from now on. */
    answer: (status: number) => new Promise<void>((done) => answered.set(status, done)),
    /** Breaks what is open, and refuses what comes until it is up again. */
    setDown(value: boolean) {
      down = value;
      if (down) proxy.closeAllConnections();
    },
    close() {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}
