/** All scenes in one process: they share a server and a browser, and run one after the other. */
import './cases/cold.mjs';
import './cases/newcomer.mjs';
import './cases/chatting.mjs';
import './cases/outages.mjs';
import './cases/tabs.mjs';
import './cases/groups.mjs';
import './cases/navigation.mjs';
import './cases/keyboard.mjs';
import './cases/layout.mjs';
import './cases/looks.mjs';
import './cases/timeline.mjs';
import './cases/firefox.mjs';
import './cases/reading.mjs';
import './cases/members.mjs';
import './cases/access.mjs';
