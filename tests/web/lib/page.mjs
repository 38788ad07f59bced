/**
 * The client as a person meets it: every selector of these tests is here, and all go by role and name, so that they
 * prove what a screen reader finds. Names come from the message catalogue in the page's language.
 */
import { until } from '../../js/lib/wait.mjs';
import { escape, text, textPart, textStart } from './catalogue.mjs';
import { Keys } from './keys.mjs';

const WAIT_MS = 15_000;
const PRESENCES = ['presence_online', 'presence_idle', 'presence_dnd', 'presence_offline'];

const anyOf = (patterns) => new RegExp(patterns.map(({ source }) => source).join('|'), 'i');

export class ChatPage {
  constructor(tab, language) {
    Object.assign(this, { tab, language, keys: new Keys(tab) });
  }

  t(key, parameters) {
    return text(key, parameters, this.language);
  }

  role(role, key, parameters) {
    return this.tab.getByRole(role, { name: this.t(key, parameters) });
  }

  button(key, parameters) {
    return this.role('button', key, parameters);
  }

  // --- signing in and out ----------------------------------------------------------------------------------

  async signUp({ username, password, displayName }) {
    await this.button('auth_create_link').click();
    await this.role('textbox', 'auth_username').fill(username);
    await this.role('textbox', 'auth_display_name').fill(displayName);
    await this.password.fill(password);
    await this.button('sign_up').click();
    await this.isIn();
  }

  /** `language`: what the account has chosen. */
  async signIn({ username, password }, language = this.language) {
    await this.role('textbox', 'auth_username').fill(username);
    await this.password.fill(password);
    await this.button('sign_in').click();
    this.language = language;
    await this.isIn();
  }

  get password() {
    return this.tab.getByLabel(this.t('auth_password'));
  }

  async signOut() {
    await this.openSettings();
    await this.dialog.getByRole('button', { name: this.t('sign_out') }).click();
  }

  /** The groups are there, or on a phone that shows a channel, the way back to them. */
  isIn() {
    return this.rail.or(this.button('chat_back')).first().waitFor();
  }

  /** Somewhere on the page, maybe among other words. */
  says(key) {
    return this.tab.getByText(textPart(key, {}, this.language)).first().waitFor();
  }

  isOut() {
    return this.role('textbox', 'auth_username').waitFor();
  }

  // --- groups and channels ---------------------------------------------------------------------------------

  get rail() {
    return this.role('navigation', 'rail_label');
  }

  get channels() {
    return this.role('navigation', 'channels_label');
  }

  group(name) {
    return this.rail.getByRole('button', { name: new RegExp(`\\b${escape(name)}\\b`) });
  }

  /** The group says that something waits in it, or that nothing does. */
  async groupWaits(name, waits) {
    const says = async () => textPart('rail_unread').test(await this.group(name).innerText());
    await until(async () => (await says()) === waits, WAIT_MS, `${name} ${waits ? 'shows nothing' : 'stays unread'}`);
  }

  async directsWait(waits) {
    const says = async () => textPart('rail_unread').test(await this.directs.innerText());
    await until(async () => (await says()) === waits, WAIT_MS, `direct messages ${waits ? 'show nothing' : 'stay unread'}`);
  }

  async hasTitle(pattern) {
    await until(async () => pattern.test(await this.tab.title()), WAIT_MS, `the title is not ${pattern}`);
  }

  mentionsOf(name) {
    return this.group(name).getByRole('img', { name: this.t('mentions_count') });
  }

  /** On a phone, where they may have given way to a channel. */
  async showLists() {
    if (!(await this.rail.isVisible())) await this.button('chat_back').click();
  }

  channel(name) {
    return this.channels.getByRole('link', { name: new RegExp(`(?<![\\p{L}\\p{N}])${escape(name)}`, 'u') });
  }

  async openChannelMenu(name) {
    await this.channel(name).hover();
    await this.button('channels_more', { name }).click();
    return this.menu();
  }

  /** Which messages of a channel notify, as its menu says it. */
  async levelIs(name, key) {
    const menu = await this.openChannelMenu(name);
    await menu.getByRole('menuitemradio', { name: this.t(key), checked: true }).waitFor();
    await this.closes(menu);
  }

  async setLevel(name, key) {
    const menu = await this.openChannelMenu(name);
    await menu.getByRole('menuitemradio', { name: this.t(key) }).click();
    await menu.waitFor({ state: 'detached' });
  }

  isMuted(name, muted = true) {
    return this.channel(name).getByRole('img', { name: this.t('channels_muted') }).waitFor({ state: muted ? 'visible' : 'detached' });
  }

  async openGroup(name) {
    await this.group(name).click();
    await this.groupMenuButton(name).waitFor();
  }

  async openChannel(name) {
    await this.channel(name).click();
    await this.isAt(name);
  }

  async open(group, channel = 'general') {
    await this.openGroup(group);
    await this.openChannel(channel);
  }

  get directs() {
    return this.rail.getByRole('button', { name: textStart('rail_direct', {}, this.language) });
  }

  openDirects() {
    return this.directs.click();
  }

  async openDirect(name) {
    await this.role('list', 'direct_heading').getByRole('link', { name: new RegExp(escape(name)) }).click();
    await this.isAt(name);
  }

  groupMenuButton(name) {
    const members = textPart('channels_members', {}, this.language).source;
    return this.tab.getByRole('button', { name: new RegExp(`^\\s*${escape(name)}\\s+(?:${members})`, 'i') });
  }

  async openGroupMenu(name) {
    await this.groupMenuButton(name).click();
    return this.menu();
  }

  /** The menu that is open. */
  async menu() {
    const menu = this.tab.getByRole('menu');
    await menu.waitFor();
    return menu;
  }

  item(menu, key) {
    return menu.getByRole('menuitem', { name: textStart(key, {}, this.language) });
  }

  async offers(menu, key) {
    return (await this.item(menu, key).count()) > 0;
  }

  get dialog() {
    return this.tab.getByRole('dialog');
  }

  async createGroup(name) {
    await this.button('rail_add').click();
    await this.dialog.getByLabel(this.t('add_group_name')).fill(name);
    await this.dialog.getByRole('button', { name: this.t('groups_create') }).click();
    await this.groupMenuButton(name).waitFor();
  }

  /** Answers the new link. */
  async createInvite(name) {
    await this.item(await this.openGroupMenu(name), 'group_menu_invite').click();
    await this.dialog.getByRole('button', { name: this.t('invite_create') }).click();
    const link = await this.dialog.getByRole('textbox', { name: this.t('invite_link') }).inputValue();
    await this.tab.keyboard.press('Escape');
    return link;
  }

  async joinBy(link, name) {
    await this.button('rail_add').click();
    await this.dialog.getByRole('button', { name: this.t('add_group_join_instead') }).click();
    await this.dialog.getByLabel(this.t('join_field')).fill(link);
    await this.dialog.getByRole('button', { name: this.t('join_look') }).click();
    await this.dialog.getByRole('button', { name: this.t('join_accept', { name }) }).click();
    await this.groupMenuButton(name).waitFor();
  }

  /** On the page that an invite link leads to. */
  async acceptInvite(name) {
    await this.tab.getByRole('main').getByRole('button', { name: this.t('join_accept', { name }) }).click();
    await this.groupMenuButton(name).waitFor();
  }

  // --- the channel -----------------------------------------------------------------------------------------

  get main() {
    return this.tab.getByRole('main');
  }

  /** The channel of this name is open, and can be read. */
  async isAt(name) {
    await this.main.getByRole('heading', { level: 1 }).filter({ hasText: name }).waitFor();
    await this.timeline.waitFor();
  }

  get timeline() {
    return this.role('list', 'chat_messages');
  }

  get composer() {
    const region = this.role('region', 'chat_composer');
    return region.getByRole('textbox').or(region.getByRole('combobox'));
  }

  /** The row whose content is exactly this; answers that quote it are no such rows. */
  message(content) {
    return this.rowWith(this.tab.getByRole('paragraph').filter({ hasText: new RegExp(`^\\s*${escape(content)}(\\s*${textPart('chat_edited', {}, this.language).source})?\\s*$`) }));
  }

  rowWith(part) {
    return this.timeline.getByRole('listitem').filter({ has: part }).last();
  }

  async say(content) {
    await this.composer.fill(content);
    await this.composer.press('Enter');
    await this.message(content).waitFor();
  }

  /** Waits for a message that the server has. */
  async sees(content) {
    await this.message(content).waitFor();
    await this.message(content).getByText(this.t('chat_sending')).waitFor({ state: 'detached' });
  }

  seesPart(content) {
    return this.timeline.getByText(content).first().waitFor();
  }

  lacks(content) {
    return this.message(content).waitFor({ state: 'detached' });
  }

  /** Everything in the timeline that fits, in the order of reading. */
  async lines(pattern) {
    return (await this.timeline.innerText()).match(pattern) ?? [];
  }

  isTyping(name) {
    return this.main.getByText(this.t('chat_typing', { names: name })).waitFor();
  }

  jumpToPresent() {
    return this.button('chat_jump_to_present').or(this.button('chat_new_messages')).click();
  }

  /** The row is within the window, not only in the page. */
  async isInView(content) {
    const seen = () => this.message(content).evaluate((row) => {
      const view = row.closest('ol').parentElement.getBoundingClientRect();
      const { top, bottom } = row.getBoundingClientRect();
      return top < view.bottom && bottom > view.top;
    });
    await until(seen, WAIT_MS, `${content} is not in view`);
  }

  /** The line above the first unread message. */
  get newLine() {
    return this.timeline.getByText(this.t('chat_new'), { exact: true });
  }

  /** Leads back to that line. */
  get unreadBar() {
    return this.main.getByRole('button', { name: textPart('chat_unread_since', {}, this.language) });
  }

  /** Whether any of it is within the window of the timeline now. */
  isVisible(part) {
    return part.evaluate((element) => {
      const view = element.closest('ol').parentElement.getBoundingClientRect();
      const { top, bottom } = element.getBoundingClientRect();
      return top < view.bottom && bottom > view.top;
    });
  }

  /** Goes to the oldest row that is loaded, waits for older ones, and answers by how much any frame moved the row. */
  shiftWhileOlderLoads() {
    return this.timeline.evaluate(async (list) => {
      const rows = () => list.querySelectorAll(':scope > li[data-id]');
      const frame = () => new Promise(requestAnimationFrame);
      const oldest = rows()[0].dataset.id;
      const read = rows()[2];
      rows()[0].scrollIntoView({ block: 'start', behavior: 'instant' });
      const before = read.getBoundingClientRect().top;
      let shift = 0;
      for (let frames = 0, after = 0; after < 20; frames += 1) {
        await frame();
        const moved = read.getBoundingClientRect().top - before;
        if (Math.abs(moved) > Math.abs(shift)) shift = moved;
        if (rows()[0].dataset.id !== oldest) after += 1;
        if (frames > 1200) throw new Error('no older messages came');
      }
      return shift;
    });
  }

  /** From now on; the answer is asked for with `await (…)()`. */
  async watchLongTasks() {
    const observer = await this.tab.evaluateHandle(() => {
      const seen = { durations: [] };
      new PerformanceObserver((list) => seen.durations.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
      return seen;
    });
    return async () => {
      const durations = await observer.evaluate(({ durations: found }) => found);
      return { count: durations.length, longestMs: Math.max(0, ...durations) };
    };
  }

  // --- the first visit -------------------------------------------------------------------------------------

  /** What a newcomer is told, above the messages. */
  get welcome() {
    return this.main.getByRole('region', { name: this.t('home_welcome') });
  }

  firstStep(key) {
    return this.welcome.getByRole('button', { name: textStart(key, {}, this.language) });
  }

  /** In the order in which they are told. */
  async firstSteps() {
    const texts = await this.welcome.getByRole('listitem').allInnerTexts();
    return texts.map((words) => ['first_run_picture', 'first_run_group', 'first_run_invite'].find((key) => textPart(key, {}, this.language).test(words)));
  }

  async didStep(key) {
    const done = textPart('first_run_step_done', {}, this.language);
    await until(async () => done.test(await this.firstStep(key).innerText()), WAIT_MS, `${key} is not done`);
  }

  /** At its next addresses; `await (…)()` answers whether any frame until then has shown the welcome. */
  async watchWelcome() {
    await this.tab.addInitScript(() => {
      const look = () => {
        if (document.getElementById('first-run-title')) globalThis.welcomed = true;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    return () => this.tab.evaluate(() => globalThis.welcomed === true);
  }

  /** Resolves when a connection of this page, made from now on, has been told what the account keeps. */
  settingsCome() {
    return new Promise((resolve) => this.tab.on('websocket', (socket) => {
      let ack;
      socket.on('framesent', ({ payload }) => (ack ??= /^42(\d+)\["settings:get"/.exec(payload)?.[1]));
      socket.on('framereceived', ({ payload }) => ack && String(payload).startsWith(`43${ack}[`) && resolve());
    }));
  }

  // --- one message -----------------------------------------------------------------------------------------

  async toolbarOf(content) {
    await this.message(content).hover();
    const toolbar = this.role('toolbar', 'chat_message_actions');
    await toolbar.waitFor();
    return toolbar;
  }

  async menuOf(content) {
    await (await this.toolbarOf(content)).getByRole('button', { name: this.t('chat_more') }).click();
    return this.menu();
  }

  /** The first quick reaction of the toolbar; answers which. */
  async react(content) {
    const quick = (await this.toolbarOf(content)).getByRole('button', { name: this.t('chat_react_with') }).first();
    const emoji = (await quick.innerText()).trim();
    await quick.click();
    return emoji;
  }

  reaction(content, emoji, count) {
    return this.message(content).getByRole('button', { name: this.t('chat_reaction', { emoji, count }) });
  }

  async reply(content, answer) {
    await (await this.toolbarOf(content)).getByRole('button', { name: this.t('chat_action_reply') }).click();
    await this.main.getByText(textStart('chat_replying_to', {}, this.language)).first().waitFor();
    await this.say(answer);
  }

  async edit(content, better) {
    await (await this.toolbarOf(content)).getByRole('button', { name: this.t('chat_action_edit') }).click();
    await this.isEditing();
    await this.composer.fill(better);
    await this.composer.press('Enter');
  }

  isEditing() {
    return this.role('textbox', 'chat_edit_placeholder').waitFor();
  }

  async remove(content) {
    await this.item(await this.menuOf(content), 'chat_action_delete').click();
    await this.dialog.getByRole('button', { name: this.t('chat_action_delete') }).click();
  }

  // --- people ----------------------------------------------------------------------------------------------

  get members() {
    return this.role('region', 'members_label');
  }

  member(name) {
    return this.members.getByRole('button', { name: new RegExp(escape(name)) });
  }

  isOnline(name) {
    return this.shows(this.member(name), 'presence_online');
  }

  /** The dot of somebody in there. */
  shows(part, key) {
    return part.getByRole('img', { name: this.t(key) }).waitFor();
  }

  /** No dot: nothing is said of whether they are there. */
  async showsNothingOf(part) {
    await part.waitFor();
    await until(async () => (await part.getByRole('img', { name: anyOf(PRESENCES.map((key) => this.t(key))) }).count()) === 0, WAIT_MS, 'presence is claimed');
  }

  /** The reader, below the lists. */
  get own() {
    return this.role('region', 'user_bar_label').getByRole('button').first();
  }

  /** A heading of the member list: a role, or who is there. */
  section(key) {
    return this.members.getByRole('heading', { level: 3, name: textStart(key, {}, this.language) });
  }

  findMember(query) {
    return this.members.getByRole('searchbox', { name: this.t('members_search') }).fill(query);
  }

  /** In the quick switcher. */
  async findAnything(query) {
    if (!(await this.role('combobox', 'switcher_title').isVisible())) await this.tab.keyboard.press('Control+k');
    await this.role('combobox', 'switcher_title').fill(query);
  }

  /** One of the suggestions of the switcher or the composer. */
  option(name) {
    return this.tab.getByRole('option', { name: new RegExp(escape(name)) });
  }

  async startDirect() {
    await this.openDirects();
    await this.button('direct_new').first().click();
    await this.dialog.waitFor();
  }

  /** On narrow windows. */
  async showMembers() {
    await this.button('chat_show_members').click();
    await this.members.waitFor();
  }

  async openCard(name) {
    await this.member(name).click();
    const card = this.role('dialog', 'profile_label', { name });
    await card.waitFor();
    return card;
  }

  async canModerate(card, key) {
    return (await card.getByRole('button', { name: this.t(key) }).count()) > 0;
  }

  async moderate(card, key) {
    await card.getByRole('button', { name: this.t(key) }).click();
    await this.dialog.getByRole('button', { name: this.t(key) }).click();
  }

  /** To the end of a list that loads page by page. */
  async scrollMembersTo(name, timeoutMs) {
    const list = this.members.getByRole('list', { name: this.t('members_label') });
    const goOn = async () => {
      await list.evaluate((element) => element.scrollTo({ top: element.scrollHeight, behavior: 'instant' }));
      return this.member(name).isVisible();
    };
    await until(goOn, timeoutMs, `${name} is not reached`);
  }

  // --- everything else -------------------------------------------------------------------------------------

  async openSettings() {
    await this.button('user_bar_settings').click();
    await this.dialog.waitFor();
  }

  /** In the settings of the appearance, by what stands on the choice. */
  async choose(...names) {
    await this.openSettings();
    await this.role('tab', 'settings_appearance').click();
    // The button itself is hidden below what it is called.
    for (const name of names) await this.dialog.getByRole('radio', { name, exact: true }).locator('..').click();
    await this.closes(this.dialog);
  }

  async closes(what) {
    await this.tab.keyboard.press('Escape');
    await what.waitFor({ state: 'detached' });
  }

  /** What can be pointed at and is lower or narrower than 24 px (WCAG 2.5.8), links within a text apart. */
  smallTargets() {
    return this.tab.evaluate((least) => {
      const targets = document.querySelectorAll('a, button, input, select, textarea, [role=tab], [role=option], [role=switch]');
      return [...targets].flatMap((target) => {
        const field = target.matches('input[type=checkbox], input[type=radio]') ? target.closest('label') ?? target : target;
        const { width, height } = field.getBoundingClientRect();
        const unseen = !field.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || target.closest('.visually-hidden, [aria-hidden=true]');
        const within = target.closest('p') && getComputedStyle(target).display === 'inline';
        if (unseen || within || (width >= least && height >= least)) return [];
        return [`${target.tagName.toLowerCase()}.${target.className} "${(target.ariaLabel ?? target.textContent).trim()}" ${Math.round(width)}x${Math.round(height)}`];
      });
    }, 24);
  }

  /** By how much the page is wider than the window. */
  overflow() {
    return this.tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }
}
