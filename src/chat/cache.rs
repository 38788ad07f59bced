//! Snapshots of what every command needs: channels, groups, members, people, pages of history.
//!
//! A cache that is filled while its source changes can keep the old value: the load begins, the write
//! and its forgetting pass, the load ends. So each key has a generation, which forgetting raises and an
//! entry remembers from before its load; an entry of an earlier generation is never served. Reads of one key that run at the same time become one load.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::try_join_all;
use metrics::Counter;
use moka::future::{Cache, CacheBuilder};
use tokio::sync::oneshot;

use crate::bus::envelope::Changed;
use crate::chat::ChatError;
use crate::chat::channel_list::ChannelList;
use crate::chat::pages::{HistoryPage, PageKey};
use crate::chat::sessions::Lasting;
use crate::lifecycle::Lifecycle;
use crate::model::account::User;
use crate::model::channel::Channel;
use crate::model::group::{Group, Member, Role};
use crate::model::id::{ChannelId, GroupId, MessageId, SessionId, UserId};
use crate::store::{GroupHead, StoreError};
use crate::telemetry;

/// Bounds what a lost invalidation can do.
const TIME_TO_LIVE: Duration = Duration::from_secs(30);
/// Memory of cached history at most, roughly.
const PAGES_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Memory of cached groups at most, roughly: some 30,000 of the usual size, or twenty of the largest.
const GROUPS_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Counters that keys share by hash; a collision only costs a reload.
const GENERATIONS: usize = 65_536;
/// Loads that were overtaken by an invalidation are repeated this often, then served uncached.
const RELOADS_MAX: usize = 3;
/// Keys of [`SnapshotCache::get_many`] that are loaded one by one, each once for all who ask at the same time.
/// More are loaded together.
const KEYS_ONE_BY_ONE_MAX: usize = 4;
/// A load hangs rather than works after this; the store's own deadlines are shorter.
const LOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A group with what decides about permissions in it.
#[derive(Debug)]
pub struct GroupSnapshot {
    pub group: Group,
    pub roles: Vec<Role>,
    /// By position.
    pub channels: Vec<Channel>,
    list: OnceLock<ChannelList>,
}

impl GroupSnapshot {
    pub fn new(group: Group, roles: Vec<Role>, channels: Vec<Channel>) -> Self {
        Self { group, roles, channels, list: OnceLock::new() }
    }

    /// The channels as JSON, made when somebody asks: most commands do not.
    pub fn list(&self) -> &ChannelList {
        self.list.get_or_init(|| ChannelList::new(&self.channels))
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let texts = |channel: &Channel| channel.name.len() + channel.topic.len();
        // Once as they are, and once in the list; few characters take more there.
        let bytes = |channel: &Channel| 512 + 2 * texts(channel);
        1024 + self.channels.iter().map(bytes).sum::<usize>()
    }
}

/// Groups, and their heads alone: whoever is in hundreds of huge ones should need no channel of theirs to
/// find out what they may do.
pub struct GroupCache {
    pub snapshots: SnapshotCache<GroupId, Option<Arc<GroupSnapshot>>>,
    pub heads: SnapshotCache<GroupId, Option<Arc<GroupHead>>>,
}

impl GroupCache {
    fn forget(&self, group_id: &GroupId) {
        self.snapshots.forget(group_id);
        self.heads.forget(group_id);
    }

    pub fn forget_all(&self) {
        self.snapshots.forget_all();
        self.heads.forget_all();
    }
}

/// A person, and whether they run this installation.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: User,
    pub operator: bool,
}

/// All caches of a node. `None` values remember what does not exist.
pub struct Caches {
    pub groups: GroupCache,
    pub channels: SnapshotCache<ChannelId, Option<Arc<Channel>>>,
    pub members: SnapshotCache<(GroupId, UserId), Option<Arc<Member>>>,
    pub member_counts: SnapshotCache<GroupId, u64>,
    pub people: SnapshotCache<UserId, Option<Arc<Person>>>,
    pub sessions: SnapshotCache<SessionId, Option<Lasting>>,
    /// Which messages of a channel are pinned.
    pub pins: SnapshotCache<ChannelId, Arc<HashSet<MessageId>>>,
    /// Pages of history, without any reader's own view. A change in a channel forgets all of its pages.
    pub pages: SnapshotCache<PageKey, Arc<HistoryPage>>,
}

impl Caches {
    pub fn new(lifecycle: &Lifecycle) -> Self {
        Self {
            groups: GroupCache {
                snapshots: SnapshotCache::weighed(
                    "groups",
                    GROUPS_BYTES_MAX,
                    weigh_group,
                    lifecycle,
                ),
                heads: SnapshotCache::new("group_heads", 50_000, lifecycle),
            },
            channels: SnapshotCache::new("channels", 50_000, lifecycle),
            members: SnapshotCache::new("members", 200_000, lifecycle),
            member_counts: SnapshotCache::new("member_counts", 10_000, lifecycle),
            people: SnapshotCache::new("people", 100_000, lifecycle),
            sessions: SnapshotCache::new("sessions", 100_000, lifecycle),
            pins: SnapshotCache::new("pins", 20_000, lifecycle),
            pages: SnapshotCache::weighed("pages", PAGES_BYTES_MAX, weigh_page, lifecycle),
        }
    }

    /// The one place that knows which entries a change makes old.
    pub fn forget(&self, changed: &Changed) {
        match changed {
            // Memberships may stay: without their group they open nothing.
            Changed::Group(group_id) => {
                self.groups.forget(group_id);
                self.member_counts.forget(group_id);
            }
            Changed::Channel(channel_id) => {
                self.channels.forget(channel_id);
                self.pins.forget(channel_id);
                self.pages.forget(&PageKey::all_of(*channel_id));
            }
            Changed::Membership(group_id, user_id) => {
                self.members.forget(&(*group_id, *user_id));
                self.member_counts.forget(group_id);
            }
            Changed::MemberCount(group_id) => self.member_counts.forget(group_id),
            Changed::Person(user_id) => self.people.forget(user_id),
            Changed::Session(session_id) => self.sessions.forget(session_id),
            Changed::Pins(channel_id) => self.pins.forget(channel_id),
            Changed::History(channel_id) => self.pages.forget(&PageKey::all_of(*channel_id)),
        }
    }

    /// For a node that may have missed that something changed.
    pub fn forget_all(&self) {
        self.groups.forget_all();
        self.channels.forget_all();
        self.members.forget_all();
        self.member_counts.forget_all();
        self.people.forget_all();
        self.sessions.forget_all();
        self.pins.forget_all();
        self.pages.forget_all();
    }
}

fn weigh_group(group: &Option<Arc<GroupSnapshot>>) -> u32 {
    let bytes = group.as_ref().map_or(256, |group| group.bytes());
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn weigh_page(page: &Arc<HistoryPage>) -> u32 {
    u32::try_from(page.bytes()).unwrap_or(u32::MAX)
}

#[derive(Clone)]
struct CachedEntry<V> {
    generation: u64,
    value: V,
}

/// A cache whose entries are never older than their key's last invalidation.
pub struct SnapshotCache<K, V> {
    entries: Cache<K, CachedEntry<V>>,
    generations: Arc<Generations>,
    hits: Counter,
    misses: Counter,
    lifecycle: Lifecycle,
}

type Builder<K, V> = CacheBuilder<K, CachedEntry<V>, Cache<K, CachedEntry<V>>>;

/// Looked up once: commands read four caches or more each.
fn requests(cache: &'static str, outcome: &'static str) -> Counter {
    metrics::counter!(telemetry::CACHE_REQUESTS, "cache" => cache, "outcome" => outcome)
}

struct Generations {
    counters: Box<[AtomicU64]>,
    /// Without a secret: ids are ours, and nobody can make them collide.
    hasher: BuildHasherDefault<DefaultHasher>,
}

impl Generations {
    fn of<K: Hash>(&self, key: &K) -> &AtomicU64 {
        &self.counters[self.hasher.hash_one(key) as usize % GENERATIONS]
    }
}

impl<K, V> SnapshotCache<K, V>
where
    K: Hash + Eq + Copy + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub fn new(name: &'static str, entries_max: u64, lifecycle: &Lifecycle) -> Self {
        Self::build(name, Cache::builder().max_capacity(entries_max), lifecycle)
    }

    /// Bounded by the sum of what `weigh` says of the values.
    pub fn weighed(
        name: &'static str,
        weight_max: u64,
        weigh: fn(&V) -> u32,
        lifecycle: &Lifecycle,
    ) -> Self {
        let builder = Cache::builder().max_capacity(weight_max);
        Self::build(
            name,
            builder.weigher(move |_, entry: &CachedEntry<V>| weigh(&entry.value)),
            lifecycle,
        )
    }

    fn build(name: &'static str, builder: Builder<K, V>, lifecycle: &Lifecycle) -> Self {
        let counters = (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect();
        Self {
            entries: builder.time_to_live(TIME_TO_LIVE).build(),
            hits: requests(name, "hit"),
            misses: requests(name, "miss"),
            generations: Arc::new(Generations { counters, hasher: BuildHasherDefault::default() }),
            lifecycle: lifecycle.clone(),
        }
    }

    /// The value of `key`, loaded once however many ask.
    pub async fn get<F, Fut>(&self, key: K, load: F) -> Result<V, ChatError>
    where
        F: Fn() -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<V, StoreError>> + Send,
    {
        if let Some(entry) = self.entries.get(&key).await {
            if self.is_current(&key, &entry) {
                self.hits.increment(1);
                return Ok(entry.value);
            }
            self.entries.invalidate(&key).await;
        }
        self.misses.increment(1);
        for _ in 0..RELOADS_MAX {
            let entry = self.load_coalesced(key, load.clone()).await?;
            if self.is_current(&key, &entry) {
                return Ok(entry.value);
            }
            self.entries.invalidate(&key).await;
        }
        Ok(load().await?)
    }

    /// The values of `keys`. Many that are not cached are loaded in one go, at most `together_max` at a time;
    /// what `load` does not answer has the value `absent`.
    ///
    /// Of one go nobody else who asks at the same time has anything: so it is for somebody's own many, not for
    /// what everybody needs.
    pub async fn get_many<F, Fut>(
        &self,
        keys: &[K],
        together_max: usize,
        absent: V,
        load: F,
    ) -> Result<HashMap<K, V>, ChatError>
    where
        F: Fn(Vec<K>) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<Vec<(K, V)>, StoreError>> + Send,
    {
        let mut values = HashMap::with_capacity(keys.len());
        let mut missing = Vec::new();
        for key in keys {
            match self.peek(key).await {
                Some(value) => _ = values.insert(*key, value),
                None => missing.push(*key),
            }
        }
        self.hits.increment(values.len() as u64);
        if missing.len() <= KEYS_ONE_BY_ONE_MAX {
            let one_by_one = missing.into_iter().map(|key| self.get_one(key, &absent, &load));
            values.extend(try_join_all(one_by_one).await?);
            return Ok(values);
        }
        self.misses.increment(missing.len() as u64);
        for _ in 0..RELOADS_MAX {
            let mut overtaken = Vec::new();
            for some in missing.chunks(together_max) {
                for (key, entry) in self.load_together(some, &absent, &load).await? {
                    if !self.is_current(&key, &entry) {
                        overtaken.push(key);
                    }
                    values.insert(key, entry.value);
                }
            }
            if overtaken.is_empty() {
                break;
            }
            missing = overtaken;
        }
        Ok(values)
    }

    async fn get_one<F, Fut>(&self, key: K, absent: &V, load: &F) -> Result<(K, V), ChatError>
    where
        F: Fn(Vec<K>) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<Vec<(K, V)>, StoreError>> + Send,
    {
        let (absent, load) = (absent.clone(), load.clone());
        let load = move || {
            let (absent, loading) = (absent.clone(), load(vec![key]));
            async move { Ok(loading.await?.into_iter().next().map_or(absent, |(_, value)| value)) }
        };
        Ok((key, self.get(key, load).await?))
    }

    /// Loads `keys` and keeps them.
    async fn load_together<F, Fut>(
        &self,
        keys: &[K],
        absent: &V,
        load: &F,
    ) -> Result<Vec<(K, CachedEntry<V>)>, ChatError>
    where
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<(K, V)>, StoreError>>,
    {
        let generation = |key: &K| (*key, self.generations.of(key).load(Ordering::Acquire));
        let generations: Vec<(K, u64)> = keys.iter().map(generation).collect();
        let loaded = tokio::time::timeout(LOAD_TIMEOUT, load(keys.to_vec())).await;
        let mut loaded: HashMap<K, V> =
            loaded.unwrap_or(Err(StoreError::Timeout))?.into_iter().collect();
        let mut entries = Vec::with_capacity(keys.len());
        for (key, generation) in generations {
            let value = loaded.remove(&key).unwrap_or_else(|| absent.clone());
            let entry = CachedEntry { generation, value };
            self.entries.insert(key, entry.clone()).await;
            entries.push((key, entry));
        }
        Ok(entries)
    }

    /// The value of `key` if it is cached and current.
    pub async fn peek(&self, key: &K) -> Option<V> {
        let entry = self.entries.get(key).await?;
        self.is_current(key, &entry).then_some(entry.value)
    }

    /// Forgets `key`; to be called after the write is stored and before anybody is told.
    pub fn forget(&self, key: &K) {
        self.generations.of(key).fetch_add(1, Ordering::AcqRel);
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        for counter in &self.generations.counters {
            counter.fetch_add(1, Ordering::AcqRel);
        }
        self.entries.invalidate_all();
    }

    fn is_current(&self, key: &K, entry: &CachedEntry<V>) -> bool {
        entry.generation == self.generations.of(key).load(Ordering::Acquire)
    }

    /// Loads in a task of its own: a caller who goes away must not abort the load others wait for.
    async fn load_coalesced<F, Fut>(&self, key: K, load: F) -> Result<CachedEntry<V>, ChatError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<V, StoreError>> + Send,
    {
        let entries = self.entries.clone();
        let generations = self.generations.clone();
        let (sender, loaded) = oneshot::channel();
        self.lifecycle.spawn("cache_load", async move {
            let fill = async {
                let generation = generations.of(&key).load(Ordering::Acquire);
                let value = tokio::time::timeout(LOAD_TIMEOUT, load())
                    .await
                    .unwrap_or(Err(StoreError::Timeout))?;
                Ok(CachedEntry { generation, value })
            };
            // Nobody waits any more if the send fails; the entry is cached all the same.
            let _unread = sender.send(entries.try_get_with(key, fill).await);
        });
        loaded.await.map_err(|_| ChatError::Unavailable)?.map_err(ChatError::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::{Notify, Semaphore};

    fn cache() -> Arc<SnapshotCache<u64, u64>> {
        Arc::new(SnapshotCache::new("test", 100, &Lifecycle::new()))
    }

    #[tokio::test]
    async fn a_load_that_an_invalidation_overtook_is_not_kept() {
        let cache = cache();
        let source = Arc::new(AtomicU64::new(1));
        let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let slow = {
            let (source, started, go_on) = (source.clone(), started.clone(), go_on.clone());
            move || {
                let (source, started, go_on) = (source.clone(), started.clone(), go_on.clone());
                async move {
                    let value = source.load(Ordering::SeqCst);
                    started.notify_one();
                    let _permit = go_on.acquire().await;
                    Ok(value)
                }
            }
        };
        let reading = tokio::task::spawn_blocking({
            let (cache, runtime) = (cache.clone(), tokio::runtime::Handle::current());
            move || runtime.block_on(cache.get(7, slow))
        });
        started.notified().await; // The load has read 1 …
        source.store(2, Ordering::SeqCst);
        cache.forget(&7); // … and now that is old.
        go_on.add_permits(100);

        assert_eq!(
            reading.await.unwrap().unwrap(),
            2,
            "even the reader from before gets the new value"
        );
        let cached = cache.get(7, || async { panic!("must be cached") }).await;
        assert_eq!(cached.unwrap(), 2);
    }

    #[tokio::test]
    async fn concurrent_reads_are_one_load() {
        let cache = cache();
        let loads = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let load = {
            let (loads, gate) = (loads.clone(), gate.clone());
            move || {
                let (loads, gate) = (loads.clone(), gate.clone());
                async move {
                    loads.fetch_add(1, Ordering::SeqCst);
                    let _permit = gate.acquire().await;
                    Ok(9)
                }
            }
        };
        let readers = (0..10).map(|_| cache.get(1, load.clone()));
        let all = futures_util::future::join_all(readers);
        let open = async { gate.add_permits(100) };
        let (values, ()) = tokio::join!(all, open);
        assert!(values.into_iter().all(|value| value.unwrap() == 9));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    fn doubled(keys: Vec<u64>) -> impl Future<Output = Result<Vec<(u64, u64)>, StoreError>> {
        let known = keys.into_iter().filter(|key| *key < 100);
        std::future::ready(Ok(known.map(|key| (key, 2 * key)).collect()))
    }

    #[tokio::test]
    async fn many_are_loaded_together_and_kept() {
        let cache = cache();
        cache.get(3, || async { Ok(33) }).await.unwrap();
        let loads = Arc::new(AtomicUsize::new(0));
        let load = {
            let loads = loads.clone();
            move |keys: Vec<u64>| {
                assert!(keys.len() <= 4 && !keys.contains(&3), "{keys:?}");
                loads.fetch_add(1, Ordering::SeqCst);
                doubled(keys)
            }
        };
        let keys: Vec<u64> = (1..=8).chain([100]).collect();
        let values = cache.get_many(&keys, 4, 0, load).await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 2);
        let of = |keys: [u64; 4]| keys.map(|key| values[&key]);
        assert_eq!(of([1, 3, 8, 100]), [2, 33, 16, 0]);
        for (key, value) in values {
            let cached = cache.get(key, || async { panic!("must be cached") }).await;
            assert_eq!(cached.unwrap(), value);
        }
    }

    #[tokio::test]
    async fn of_many_those_that_were_overtaken_are_loaded_once_more() {
        let cache = cache();
        let (source, weak) = (Arc::new(AtomicU64::new(1)), Arc::downgrade(&cache));
        let load = move |keys: Vec<u64>| {
            let value = source.load(Ordering::SeqCst);
            if value == 1 {
                source.store(2, Ordering::SeqCst);
                weak.upgrade().unwrap().forget(&7);
            }
            std::future::ready(Ok(keys.into_iter().map(|key| (key, value)).collect()))
        };
        let keys: Vec<u64> = (1..=8).collect();
        let values = cache.get_many(&keys, 100, 0, load).await.unwrap();
        assert_eq!((values[&1], values[&7]), (1, 2));
        assert_eq!(cache.get(7, || async { panic!("must be cached") }).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_failed_load_is_not_kept() {
        let cache = cache();
        assert!(cache.get(1, || async { Err(StoreError::Timeout) }).await.is_err());
        assert_eq!(cache.get(1, || async { Ok(3) }).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn what_is_forgotten_is_loaded_again() {
        let cache = cache();
        cache.get(1, || async { Ok(3) }).await.unwrap();
        cache.forget(&1);
        assert_eq!(cache.get(1, || async { Ok(5) }).await.unwrap(), 5);
        cache.forget_all();
        assert_eq!(cache.get(1, || async { Ok(4) }).await.unwrap(), 4);
    }
}
