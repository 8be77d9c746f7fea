use super::*;
use crate::http::server::{HEADER_TIME, MAX_CONNECTIONS, MAX_REQUEST};

#[tokio::test]
async fn only_get_and_head_of_known_paths_are_answered() {
    let served = serve([]).await;
    assert_eq!(ask(served.addr, "GET", "/healthz").await, (200, "ok\n".into()));
    assert_eq!(ask(served.addr, "HEAD", "/healthz").await, (200, String::new()));
    assert_eq!(ask(served.addr, "HEAD", "/metrics").await.0, 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(ask(served.addr, method, path).await.0, 405, "{method} {path}");
        }
    }
    assert_eq!(ask(served.addr, "GET", "/").await.0, 404);
    assert_eq!(ask(served.addr, "GET", "/metrics/../../etc/passwd").await.0, 404);
}

#[tokio::test]
async fn what_is_no_request_or_too_long_is_refused() {
    let served = serve([]).await;
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(2 * MAX_REQUEST));
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    for request in [long.as_str(), &many, "\0\0\0\0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET\r\n\r\n"] {
        let answer = exchange(served.addr, request.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    assert_eq!(ask(served.addr, "GET", "/healthz").await.0, 200);
}

#[tokio::test]
async fn a_connection_is_for_one_request() {
    let served = serve([]).await;
    let twice = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = exchange(served.addr, twice).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
}

#[tokio::test]
async fn who_sends_slowly_is_let_go() {
    let served = serve([]).await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let began = Clock.mono();
    let drip = async {
        let mut stream = stream.split();
        let mut answer = Vec::new();
        let write = async {
            while stream.1.write_all(b"GET /healthz HTTP/1.1\r\n"[..1].as_ref()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            _ = stream.0.read_to_end(&mut answer) => {}
            () = write => {}
        }
    };
    timeout(PATIENCE, drip).await.expect("the server does not wait for ever");
    assert!(Clock.mono().since(began) >= HEADER_TIME / 2);
}

#[tokio::test]
async fn connections_are_bounded_and_their_places_come_back() {
    let served = serve([]).await;
    let mut idle = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        idle.push(TcpStream::connect(served.addr).await.unwrap());
    }
    assert_eq!(exchange(served.addr, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await, "");
    drop(idle);
    let free = async {
        while !exchange(served.addr, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.contains(" 200 ") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, free).await.expect("their places come back");
}

#[tokio::test]
async fn a_taken_port_is_reported_with_the_fix() {
    let first = Http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let second = Http::bind(first.local_addr()).await.unwrap_err().to_string();
    assert!(second.contains(&first.local_addr().to_string()) && second.contains("[http] laddr"), "{second}");
    assert!(second.contains("the port is taken by this pexd itself") || !cfg!(target_os = "linux"), "{second}");
}
