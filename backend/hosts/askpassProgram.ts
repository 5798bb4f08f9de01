// Started by ssh for each question: asks the backend over its private socket and prints the answer, which ssh alone reads.
import { connect } from "node:net";

const { SWITCHYARD_ASKPASS_SOCKET: socketPath, SWITCHYARD_ASKPASS_TOKEN: token, SSH_ASKPASS_PROMPT: hint = "" } = process.env;
if (!socketPath || !token) process.exit(1);

const socket = connect(socketPath, () => socket.write(`${JSON.stringify({ token, hint, text: process.argv[2] ?? "" })}\n`));
let reply = "";
socket.on("data", (data) => { reply += String(data); });
socket.on("error", () => process.exit(1));
socket.on("end", () => {
  const answer: unknown = reply === "" ? null : (JSON.parse(reply) as { answer: unknown }).answer;
  if (typeof answer !== "string") process.exit(1);
  process.stdout.write(`${answer}\n`, () => process.exit(0));
});
