//! The secret that the nodes of one store share.

use futures_util::future::join_all;
use vibetalk::model::secret::Secret;
use vibetalk::store::Store;

fn random() -> Secret {
    Secret::new(rand::random())
}

pub async fn the_first_secret_stays(store: &dyn Store) {
    let first = random();
    assert_eq!(store.shared_secret(&first).await.unwrap(), first);
    assert_eq!(store.shared_secret(&random()).await.unwrap(), first);
    assert_eq!(store.shared_secret(&first).await.unwrap(), first);
}

pub async fn racing_first_writers_share_one_secret(store: &dyn Store) {
    let offered: Vec<Secret> = (0..20).map(|_| random()).collect();
    let shared = join_all(offered.iter().map(|offered| store.shared_secret(offered))).await;
    let first = *shared[0].as_ref().unwrap();
    assert!(offered.contains(&first));
    assert!(shared.into_iter().all(|secret| secret.unwrap() == first));
}
