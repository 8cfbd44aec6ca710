/** The form of a new region. */
import { api } from "mapwright/lib/api.js";
import { byId } from "mapwright/lib/dom.js";
import { onSubmit, values } from "mapwright/lib/forms.js";

onSubmit(byId("region-form"), async (form) => {
  const { name = "", zoom, open_to_all: open } = values(form);
  const region = await api.post("/api/regions/", {
    name,
    open_to_all: Boolean(open),
    ...(zoom ? { zoom: Number(zoom) } : {}),
  });
  location.assign(`/regions/${region.id}/sources/`);
});
