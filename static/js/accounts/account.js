/** One's own account: the token by which programs sign in. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { moment } from "mapwright/lib/format.js";
import { confirmDialog, held } from "mapwright/lib/forms.js";
import { notifyError } from "mapwright/lib/notices.js";

const PATH = "/api/me/token/";
let made = null;

function draw() {
  byId("token-state").textContent = made ? `Yours was made ${moment(made)}.` : "You have none.";
  byId("token-make").textContent = made ? "Replace it" : "Make a token";
  byId("token-make").disabled = false;
  byId("token-remove").hidden = !made;
}

async function refresh() {
  made = (await api.get(PATH)).created;
  draw();
}

const sure = (title, yes) =>
  confirmDialog({ title, text: "Programs that sign in with the present one can't any more.", yes });

async function make() {
  if (made && !(await sure("Replace the token?", "Replace it"))) return;
  const { token } = await api.post(PATH);
  fill(byId("token-shown"), "Keep it now, it is shown only once: ", el("code", { text: token }));
  byId("token-shown").hidden = false;
  await refresh();
}

async function remove() {
  if (!(await sure("Remove the token?", "Remove it"))) return;
  await api.delete(PATH);
  byId("token-shown").hidden = true;
  await refresh();
}

for (const [id, run] of [
  ["token-make", make],
  ["token-remove", remove],
])
  byId(id).addEventListener("click", ({ currentTarget }) => held(currentTarget, run).catch(notifyError));
refresh().catch(notifyError);
