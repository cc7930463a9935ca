//! An HTTP client that needs tokio, over the bridge, asks a server that does
//! not: `reqwest` and hyper, on one thread.

use crate::web::{large, serve};
use nexus_async_rt::spawn_boxed;
use nexus_async_rt::tokio_compat::{spawn_on_tokio, with_tokio};
use nexus_interop::block_on;
use reqwest::{Client, StatusCode};
use std::rc::Rc;
use std::time::Duration;

/// The machine may have a proxy for the rest of the world.
fn client() -> Client {
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

#[test]
fn reqwest_asks_on_this_thread() {
    block_on(async {
        let (address, seen, server) = serve().unwrap();
        // `Rc`: nothing of this leaves the thread.
        let client = Rc::new(with_tokio(|| async { client() }).await);
        let hello = with_tokio(|| async {
            let response = client.get(format!("http://{address}/hello")).send().await?;
            response.text().await
        });
        assert_eq!(hello.await.unwrap(), "hello");
        let echo = with_tokio(|| async {
            let url = format!("http://{address}/echo");
            let response = client.post(url).body(large()).send().await?;
            response.bytes().await
        });
        assert!(echo.await.unwrap() == large());
        let missing = with_tokio(|| client.get(format!("http://{address}/no")).send());
        assert_eq!(missing.await.unwrap().status(), StatusCode::NOT_FOUND);
        assert_eq!(seen.requests.get(), 3);
        // A task on tokio keeps connections between requests, if it is in time.
        assert!(seen.connections.get() <= 3);
        server.abort();
    });
}

#[test]
fn many_requests_at_once_from_tasks_here_and_from_tokio() {
    block_on(async {
        let (address, seen, server) = serve().unwrap();
        let client = with_tokio(|| async { client() }).await;
        let get = move |client: Client| async move {
            let url = format!("http://{address}/hello");
            client.get(url).send().await?.text().await
        };
        let here: Vec<_> = (0..10)
            .map(|_| {
                let client = client.clone();
                spawn_boxed(with_tokio(move || get(client)))
            })
            .collect();
        let there: Vec<_> = (0..10)
            .map(|_| spawn_on_tokio(get(client.clone())))
            .collect();
        for task in here {
            assert_eq!(task.await.unwrap(), "hello");
        }
        for task in there {
            assert_eq!(task.await.unwrap().unwrap(), "hello");
        }
        assert_eq!(seen.requests.get(), 20);
        server.abort();
    });
}

#[test]
fn a_server_that_never_answers_is_a_timeout_of_tokio() {
    block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let request = with_tokio(|| {
            let client = Client::builder()
                .no_proxy()
                .timeout(Duration::from_millis(50))
                .build()
                .unwrap();
            client.get(format!("http://{address}/")).send()
        });
        assert!(request.await.unwrap_err().is_timeout());
    });
}

#[test]
fn a_request_that_is_dropped_half_way_leaves_the_client_of_use() {
    block_on(async {
        let (address, _, server) = serve().unwrap();
        let client = with_tokio(|| async { client() }).await;
        for _ in 0..20 {
            let url = format!("http://{address}/large");
            let client = client.clone();
            let request = spawn_boxed(with_tokio(move || async move {
                client.get(url).send().await?.bytes().await
            }));
            nexus_async_rt::sleep(Duration::from_micros(500)).await;
            request.abort();
        }
        let url = format!("http://{address}/hello");
        let hello = with_tokio(|| async { client.get(url).send().await?.text().await });
        assert_eq!(hello.await.unwrap(), "hello");
        server.abort();
    });
}
