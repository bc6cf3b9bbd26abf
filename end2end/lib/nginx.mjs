// Starts the machine's nginx with the configuration that deploy/ ships, on ports and servers of the tests' choice.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { freePort, ROOT, temporaryFolder } from "./server.mjs";
import { until } from "./waiting.mjs";

const SHIPPED = join(ROOT, "deploy", "nginx", "maru.conf");
// Debian keeps it where only root looks for programs.
const FOLDERS = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
const PROGRAM = FOLDERS.map((folder) => join(folder, "nginx")).find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** For `test({ skip })`: false, or why there is nothing to test. */
export const WITHOUT_NGINX = PROGRAM ? false : "no nginx (apt-get install nginx, or brew install nginx)";

/** The shipped configuration. */
export const shipped = () => readFileSync(SHIPPED, "utf8");

function replaceOnce(text, from, to) {
  if (text.split(from).length !== 2) throw new Error(`"${from}" is not there exactly once: ${SHIPPED}`);
  return text.replace(from, to);
}

/** What nginx needs around a file of conf.d/, with everything it writes in one folder. */
const around = (folder) => `
  pid ${folder}/pid;
  error_log ${folder}/error.log;
  worker_processes 2;
  events { worker_connections 4000; }
  http {
    log_format upstream "$upstream_addr";
    access_log ${folder}/upstream.log upstream;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    include ${folder}/maru.conf;
  }`;

/** A proxy before the servers at these addresses; only where it listens and where they are differs from what is shipped. */
export class Nginx {
  static async start(...hosts) {
    const nginx = new Nginx();
    nginx.folder = temporaryFolder();
    nginx.port = await freePort();
    nginx.host = `127.0.0.1:${nginx.port}`;
    nginx.url = `http://${nginx.host}`;
    nginx.socketUrl = `ws://${nginx.host}/ws`;
    let text = replaceOnce(shipped(), "listen 80;\n    server_tokens", `listen ${nginx.host};\n    server_tokens`);
    text = replaceOnce(text, "server maru-1:8080", `server ${hosts[0]}`);
    text = replaceOnce(text, "server maru-2:8080", `server ${hosts[1] ?? hosts[0]}`);
    writeFileSync(join(nginx.folder, "maru.conf"), text);
    writeFileSync(join(nginx.folder, "nginx.conf"), around(nginx.folder));
    nginx.child = spawn(PROGRAM, ["-p", nginx.folder, "-c", join(nginx.folder, "nginx.conf"), "-g", "daemon off;"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    nginx.child.stderr.setEncoding("utf8").on("data", (data) => (said += data));
    nginx.ended = once(nginx.child, "exit");
    const answers = async () => (await fetch(nginx.url).catch(() => undefined)) !== undefined;
    await until("nginx answers", async () => nginx.child.exitCode !== null || (await answers()), { describe: () => said });
    if (nginx.child.exitCode !== null) throw new Error(`nginx ended with ${nginx.child.exitCode}: ${said}`);
    return nginx;
  }

  /** Which servers were asked, one line a request, with a comma between those that were tried; sockets count when they end. */
  upstreams() {
    return readFileSync(join(this.folder, "upstream.log"), "utf8").trim().split("\n");
  }

  async stop() {
    this.child.kill("SIGQUIT");
    await this.ended;
  }
}
