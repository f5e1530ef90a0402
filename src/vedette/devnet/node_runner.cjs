// Runs one Conflux node in this process until it is told to stop.
// usage: node node_runner.cjs ADDON CONFIG LOG_CONFIG FOLDER
// FOLDER stands last: by it the launcher knows whose process this is.
"use strict";

const [addon, configFile, logConf, folder] = process.argv.slice(2);
const GRACE_MS = 4000;

process.chdir(folder); // whatever the node writes by a relative path stays in its own folder
const { ConfluxNode } = require(addon);
const node = new ConfluxNode();
let stopping = false;

// The node's own shutdown often waits for references that nobody drops. Its databases stand an abrupt end.
async function stop() {
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(0), GRACE_MS);
  try {
    await node.stopNode();
  } catch (error) {
    console.error(`stopping: ${error.message}`);
  }
  process.exit(0);
}

process.on("SIGTERM", stop);
process.on("SIGINT", stop);

node.startNode({ configFile, logConf, confluxDataDir: `${folder}/` }).then(
  () => setInterval(() => {}, 1 << 30), // the node lives in threads that do not keep this process alive
  (error) => {
    console.error(`starting: ${error.message}`);
    process.exit(1);
  },
);
