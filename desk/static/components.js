// @ts-check
/** Switches on the components of GOV.UK Frontend that a page uses: menu, skip link, error summary, buttons. */

import { initAll } from "./vendor/govuk-frontend.min.js";

// A browser that runs modules is one that GOV.UK Frontend supports.
document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();
