/** How often one's own digest comes by e-mail. */
import { api } from "mapwright/lib/api.js";
import { byId } from "mapwright/lib/dom.js";
import { onSubmit, values } from "mapwright/lib/forms.js";
import { notifyError } from "mapwright/lib/notices.js";

const PATH = "/api/me/digest/";
const form = byId("digest-form");
const OFTEN = { day: "every day", week: "every week" };

function stateOf({ every, email, sends_email: sends }) {
  if (!sends) return "This Mapwright sends no e-mail.";
  if (!email) return "Your account has no e-mail address: ask an admin to enter it.";
  return OFTEN[every] ? `It comes to ${email} ${OFTEN[every]}.` : `You get none. It would come to ${email}.`;
}

function draw(digest) {
  byId("digest-every").value = digest.every;
  byId("digest-state").textContent = stateOf(digest);
  return digest;
}

/** Nothing can be chosen before it is known what is so, nor where nothing could be sent. */
async function start() {
  const { every, email, sends_email: sends } = draw(await api.get(PATH));
  if (every === "never" && !(email && sends)) return;
  byId("digest-every").disabled = false;
  onSubmit(form, async () => draw(await api.put(PATH, values(form))));
}

start().catch(notifyError);
