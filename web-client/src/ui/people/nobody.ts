/** What is said wherever people are searched and nobody is shown. */
import { m } from "../../i18n";
import { isBrief } from "../../state/names";

export function nobodyText(query: string): string {
  return isBrief(query) ? m.people_type_more() : m.people_none();
}
