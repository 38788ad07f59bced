/** Two people talk, over each transport: everything that one does is in the other's page a moment later. */
import assert from 'node:assert/strict';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';

for (const transport of ['websocket', 'polling']) {
  scene(`two people chat over ${transport}`, async (stage) => {
    const { group, people } = await club('Ada', 'Bob');
    const [ada, bob] = await Promise.all(people.map((person) => stage.signedIn(person, { transport })));
    for (const { page } of [ada, bob]) {
      await page.open(group.name);
    }

    await ada.page.say('Good morning, Bob');
    await bob.page.sees('Good morning, Bob');
    await bob.page.reply('Good morning, Bob', 'Morning! Did you sleep?');
    await ada.page.sees('Morning! Did you sleep?');
    assert.match(await ada.page.message('Morning! Did you sleep?').innerText(), /Good morning, Bob/, 'the answer quotes');

    await bob.page.composer.pressSequentially('let me');
    await ada.page.isTyping('Bob');
    await bob.page.composer.fill('');

    const emoji = await bob.page.react('Good morning, Bob');
    await ada.page.reaction('Good morning, Bob', emoji, 1).waitFor();
    await ada.page.reaction('Good morning, Bob', emoji, 1).click();
    await bob.page.reaction('Good morning, Bob', emoji, 2).waitFor();
    await bob.page.reaction('Good morning, Bob', emoji, 2).click();
    await ada.page.reaction('Good morning, Bob', emoji, 1).waitFor();

    await ada.page.edit('Good morning, Bob', 'Good evening, Bob');
    await bob.page.sees('Good evening, Bob');
    await bob.page.lacks('Good morning, Bob');
    await ada.page.say('a slip of the finger');
    await bob.page.sees('a slip of the finger');
    await ada.page.remove('a slip of the finger');
    await bob.page.lacks('a slip of the finger');

    for (const { page } of [ada, bob]) {
      await page.isOnline('Ada');
      await page.isOnline('Bob');
    }
    assertTransport(ada, transport);
    assertTransport(bob, transport);
  });
}

/** What the developer tools would count. */
function assertTransport({ sockets, requests }, transport) {
  const polls = requests.filter(({ url }) => url.includes('transport=polling'));
  if (transport === 'websocket') {
    assert.equal(sockets.length, 1, 'exactly one WebSocket');
    assert.equal(polls.length, 0, 'nothing is polled');
  } else {
    assert.ok(polls.length > 0, 'polls');
    assert.ok(sockets.every((socket) => socket.isClosed()), 'no WebSocket is open');
  }
}
