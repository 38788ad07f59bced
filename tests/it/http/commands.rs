//! How commands are run for requests.

use std::future::pending;

use tokio::sync::oneshot;
use vibetalk::chat::ChatError;
use vibetalk::http::session::Commands;

use crate::chat::{TestChat, code};

#[tokio::test]
async fn a_command_goes_on_when_its_client_is_gone() {
    let test = TestChat::start();
    let commands = Commands::new(test.chat.clone());
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let (ended, has_ended) = oneshot::channel();
    let request = commands.run(|_| async move {
        begun.send(()).unwrap();
        may_go_on.await.unwrap();
        ended.send(()).unwrap();
        Ok(())
    });
    tokio::select! {
        _ = request => panic!("it cannot have ended"),
        begun = has_begun => begun.unwrap(),
    }
    go_on.send(()).unwrap();
    has_ended.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_too_long_is_timeout() {
    let test = TestChat::start();
    let commands = Commands::new(test.chat.clone());
    let outcome = commands.run(|_| pending::<Result<(), ChatError>>()).await;
    assert_eq!(code(outcome), "timeout");
}

#[tokio::test]
async fn a_panic_is_unavailable_and_harms_no_other() {
    let test = TestChat::start();
    let commands = Commands::new(test.chat.clone());
    let panicking = commands.run(|_| async { panic!("on purpose") });
    assert_eq!(code::<()>(panicking.await), "unavailable");
    assert_eq!(code(commands.run(|_| async { Ok(()) }).await), "ok");
}
