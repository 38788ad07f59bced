//! `/metrics` for Prometheus, on a listener of its own, so that it need not be public.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use metrics_process::Collector;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::edge::{read_rest, watch_body};
use crate::lifecycle::Lifecycle;

/// Samples of histograms pile up until they are folded into their buckets.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// A few scrapers and people; more connections wait to be accepted.
const CONNECTIONS_MAX: usize = 32;
/// Also how long a kept-alive connection may be idle: four of Prometheus's usual intervals.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Between failures to accept, which are those of too few file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
const TEXT_FORMAT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Binds the metrics listener. A port that is taken is a warning: of several nodes on one machine
/// one has metrics, and all serve.
pub async fn bind_metrics(address: SocketAddr) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%address, %error, "no metrics: cannot listen on {address}");
            None
        }
    }
}

/// Keeps the recorder tidy until the node stops. It has to run also if nobody ever scrapes.
pub async fn run_upkeep(handle: PrometheusHandle, lifecycle: Lifecycle) {
    let collector = Collector::default();
    collector.describe();
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = lifecycle.stopping() => return,
        }
        collector.collect();
        handle.run_upkeep();
    }
}

/// Serves `GET /metrics` until the node stops.
pub async fn serve_metrics(listener: TcpListener, handle: PrometheusHandle, lifecycle: Lifecycle) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let accept = async || {
        let place = places.clone().acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, _)) => Some((stream, place)),
            Err(error) => {
                tracing::warn!(%error, "accepting a metrics connection failed");
                tokio::time::sleep(ACCEPT_RETRY).await;
                None
            }
        }
    };
    loop {
        let accepted = tokio::select! {
            accepted = accept() => accepted,
            () = lifecycle.stopping() => return,
        };
        let Some((stream, place)) = accepted else { continue };
        let connection = serve_connection(stream, handle.clone(), lifecycle.clone());
        lifecycle.spawn("metrics-connection", async move {
            connection.await;
            drop(place);
        });
    }
}

async fn serve_connection(stream: TcpStream, handle: PrometheusHandle, lifecycle: Lifecycle) {
    let service = service_fn(move |request| {
        let (request, rest) = watch_body(request);
        let mut answer = answer(&request, &handle);
        async move {
            read_rest(rest, &mut answer).await;
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a metrics connection broke");
        },
        () = lifecycle.stopping() => {}
    }
}

fn answer(request: &Request<Body>, handle: &PrometheusHandle) -> Response<Body> {
    if request.uri().path() != "/metrics" {
        let mut response = Response::new(Body::from("see /metrics\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    Collector::default().collect();
    let mut response = Response::new(Body::from(handle.render()));
    response.headers_mut().insert(CONTENT_TYPE, TEXT_FORMAT);
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get(address: SocketAddr, path: &str) -> reqwest::Response {
        reqwest::get(format!("http://{address}{path}")).await.unwrap()
    }

    #[tokio::test]
    async fn metrics_are_served_until_the_node_stops() {
        let lifecycle = Lifecycle::new();
        let listener = bind_metrics("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let handle = crate::telemetry::install_recorder();
        metrics::counter!("vibetalk_panics_total").increment(0);
        lifecycle.spawn("metrics-upkeep", run_upkeep(handle.clone(), lifecycle.clone()));
        lifecycle.spawn("metrics", serve_metrics(listener, handle, lifecycle.clone()));

        let response = get(address, "/metrics").await;
        assert_eq!(response.headers()[CONTENT_TYPE], TEXT_FORMAT);
        let text = response.text().await.unwrap();
        assert!(text.contains("# HELP vibetalk_panics_total "), "{text}");
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
        assert_eq!(get(address, "/").await.status(), 404);

        lifecycle.stop();
        assert!(lifecycle.wait_for_tasks(Duration::from_secs(5)).await);
    }

    /// Nobody reads the body of a request for metrics, and the next request stands behind it.
    #[tokio::test]
    async fn an_unread_body_costs_no_answer() {
        let lifecycle = Lifecycle::new();
        let listener = bind_metrics("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let handle = crate::telemetry::install_recorder();
        lifecycle.spawn("metrics", serve_metrics(listener, handle, lifecycle.clone()));
        let body = "x".repeat(1_000_000);
        for (first, length, answered) in
            [("/", 1_000_000, 2), ("/metrics", 1_000_000, 2), ("/", 2_000_000, 1)]
        {
            let requests = format!(
                "POST {first} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}\
                 GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            );
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(requests.as_bytes()).await.unwrap();
            let mut answers = String::new();
            stream.read_to_string(&mut answers).await.unwrap();
            assert_eq!(answers.matches("HTTP/1.1 ").count(), answered, "{first}: {answers}");
            assert_eq!(answers.matches("connection: close").count(), 1, "{first}: {answers}");
        }
        lifecycle.stop();
    }

    #[tokio::test]
    async fn a_taken_port_is_no_failure() {
        let taken = bind_metrics("127.0.0.1:0".parse().unwrap()).await.unwrap();
        assert!(bind_metrics(taken.local_addr().unwrap()).await.is_none());
    }
}
