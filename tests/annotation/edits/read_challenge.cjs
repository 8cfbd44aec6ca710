// What mr-cli's own reader makes of the osmChange of each task of a challenge: a line of JSON for each task.
// node read_challenge.cjs FOLDER-OF-MR-CLI CHALLENGE ADDRESS-OF-AN-API
const fs = require("fs");
const http = require("http");
const path = require("path");
const [folder, challenge, server] = process.argv.slice(2);
const common = (name) => require(path.join(folder, "src", "common", name));
const OSCFileParser = common("osc_file_parser");
const Utils = common("utils");

async function told(task) {
  const { format, encoding, content } = task.cooperativeWork.file;
  const read = await OSCFileParser.parse(Buffer.from(content, encoding).toString("utf8"));
  const elements = read.topLevelElements.map(async (element) => ({
    key: Utils.idStringFor(element),
    operation: element.operation,
    tags: Utils.geoJSONPropertiesFor(element),
    geometry: await Utils.geoJSONGeometryFor(element, read.elementDataSetsByType),
  }));
  return { format, elements: await Promise.all(elements) };
}

(async () => {
  http.globalAgent.keepAlive = false; // its node-fetch is older than nodes that keep connections
  Utils.osmServer = server;
  Utils.startOperationRunner(5);
  const lines = fs.readFileSync(challenge, "utf8").split("\n").filter(Boolean);
  for (const line of lines) console.log(JSON.stringify(await told(JSON.parse(line.replace(/^\x1e/, "")))));
  Utils.stopOperationRunner();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
