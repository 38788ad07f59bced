//! Signing in at one node while the password is changed at another.

use vibetalk::chat::accounts::{ChangePassword, Login, Register, Requester};
use vibetalk::chat::limits::Limits;

use super::super::chat::code;
use super::Cluster;

const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

fn requester() -> Requester {
    Requester { address: [192, 0, 2, 1].into(), user_agent: "agent".to_owned() }
}

fn login(password: &str) -> Login {
    Login { username: "ada".to_owned(), password: password.to_owned() }
}

/// The password changes while a login with the old one, which was found to be right, waits for `operation`.
async fn check_login_that_waits_for(operation: &'static str) {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let request =
        Register { username: "ada".to_owned(), password: OLD.to_owned(), display_name: None };
    let session = one.register(request, requester()).await.unwrap();
    let ada = one.authenticate(&session.access_token).await.unwrap();
    one.user(ada.user_id).await.unwrap();

    let gate = cluster.faults.hold(operation);
    let changing = async {
        gate.reached().await;
        let (current_password, new_password) = (OLD.to_owned(), NEW.to_owned());
        let request = ChangePassword { current_password, new_password };
        one.change_password(ada, request, requester()).await.unwrap();
        cluster.faults.clear();
    };
    let (signed_in, ()) = tokio::join!(other.login(login(OLD), requester()), changing);
    assert_eq!(code(signed_in), "unauthorized", "{operation}");
    let left = one.list_sessions(ada).await.unwrap().sessions;
    assert_eq!(left.len(), 1, "{operation}: the session that changed it");
    assert!(one.session_lasts(ada).await.unwrap());
    assert_eq!(code(other.login(login(OLD), requester()).await), "unauthorized");
    assert_eq!(code(other.login(login(NEW), requester()).await), "ok");
}

#[tokio::test]
async fn passwords_are_tried_as_often_as_at_one_node_however_many_there_are() {
    let cluster = Cluster::of(2);
    let request =
        Register { username: "ada".to_owned(), password: OLD.to_owned(), display_name: None };
    cluster.nodes[0].register(request, requester()).await.unwrap();
    let most = Limits::default().login_failures_per_minute as usize;
    let mut answers = Vec::new();
    for number in 0..most + 2 {
        let node = &cluster.nodes[number % 2];
        answers.push(code(node.login(login("a wrong guess"), requester()).await));
    }
    assert_eq!(answers[..most], vec!["unauthorized"; most]);
    assert_eq!(answers[most..], ["rate_limited"; 2]);
}

#[tokio::test]
async fn a_login_whose_session_is_stored_after_a_change_of_password_elsewhere_is_taken_back() {
    check_login_that_waits_for("insert_session").await;
}

#[tokio::test]
async fn a_login_whose_session_is_stored_before_a_change_of_password_elsewhere_is_ended_by_it() {
    check_login_that_waits_for("find_account").await;
}
