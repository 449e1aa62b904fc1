//! An API server that cannot be reached, is not trusted, refuses, hangs, or talks nonsense.

use super::{
    super::{Log, Running, ticking},
    S,
    api::{Api, Way, stream},
    event, list, owner, path, pod,
};

/// The one warning that there is when it is asked for some time.
async fn warning_of(api: &Api, host: &str, seconds: u32) -> String {
    let (log, _guard) = Log::start();
    let running = Running::with_kube(Vec::new(), Some(api.config_for(host)));
    running.want(1, "/docker/$DOCKER");
    assert_eq!(running.facts_within(seconds * S).await, []);
    let warnings = log.lines("WARN");
    let kube: Vec<_> = warnings.iter().filter(|line| line.contains("Kubernetes")).collect();
    let [warning] = *kube else { panic!("{:?}: {warnings:#?}", api.requests()) };
    assert!(warning.len() < 800 && !warning.contains('\u{1b}'), "{warning}");
    assert!(warning.contains("does not tell of the pods of the node node-1"), "{warning}");
    warning.clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_said_once_with_what_to_do() {
    let _clock = ticking();
    let secret = "do-not-repeat".repeat(1000);
    let no_version = r#"{"metadata": {"resourceVersion": "1&watch=1"}, "items": []}"#;
    for (ways, what, advice) in [
        (
            vec![Way::Says(403, b"{}".into())],
            "403 Forbidden",
            "`get`, `list` and `watch` of `pods`",
        ),
        (vec![list(1, &[]), Way::Says(403, Vec::new())], "403 Forbidden", "ClusterRole"),
        (vec![Way::Says(401, Vec::new())], "401 Unauthorized", "service account"),
        (vec![Way::Says(503, Vec::new())], "status 503", "too much to do"),
        (vec![Way::Says(302, Vec::new())], "status 302", "what answers there"),
        (vec![Way::ok(secret.clone())], "no JSON", "what answers there"),
        (vec![Way::ok("[".repeat(100_000))], "JSON of another shape", ""),
        (vec![Way::ok(r#"{"items": {"a": 1}}"#)], "JSON of another shape", ""),
        (vec![Way::ok(no_version)], "no version", ""),
        (vec![Way::Raw(b"\x00\xff\x1b[2J garbage\r\n\r\n".into())], "invalid HTTP", ""),
        (vec![Way::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".into())], "body", ""),
        (vec![list(1, &[]), Way::ok("")], "ended at once", "between it and us"),
        (vec![list(1, &[]), Way::ok(format!("{secret}\n"))], "no JSON", ""),
        (vec![list(1, &[]), Way::ok(vec![b' '; 5 << 20])], "longer than 4 MiB", ""),
        (
            vec![list(1, &[]), Way::ok(event("ERROR", &serde_json::json!({"code": 500})))],
            "status 500",
            "too much to do",
        ),
        (vec![Way::Hangs], "no answer within 10 s", "too much to do"),
    ] {
        let api = Api::start(ways).await;
        let said = warning_of(&api, "127.0.0.1", 12).await;
        assert!(said.contains(what) && said.contains(advice), "{what}, {advice}: {said}");
        assert!(!said.contains("repeat"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_trusted_or_told_the_token_without_a_certificate_of_the_cluster() {
    let _clock = ticking();
    let api = Api::start([]).await;
    let ca = api.read("ca.crt");
    for (text, what, advice) in [
        (&*Api::other_ca(), "TLS: invalid peer certificate", "`ca.crt`"),
        ("", "holds no certificate", "`ca.crt`"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no", "`ca.crt`"),
    ] {
        api.write("ca.crt", text);
        let said = warning_of(&api, "127.0.0.1", 5).await;
        assert!(said.contains(what) && said.contains(advice), "{what}, {advice}: {said}");
    }
    api.write("ca.crt", &ca);
    // Its certificate is for an address.
    let said = warning_of(&api, "localhost", 5).await;
    assert!(said.contains("TLS: invalid peer certificate: certificate not valid"), "{said}");
    api.write("token", "two\nlines");
    let said = warning_of(&api, "127.0.0.1", 5).await;
    assert!(said.contains("the token of the service account is none"), "{said}");
    assert_eq!(api.tokens(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn who_is_not_there_is_not_reached() {
    let _clock = ticking();
    let mut api = Api::start([]).await;
    api.die().await;
    let said = warning_of(&api, "127.0.0.1", 5).await;
    assert!(said.contains("Connection refused") && said.contains("network policies"), "{said}");
    let said = warning_of(&api, "no-such-host.invalid", 12).await;
    assert!(said.contains("failed to lookup address") || said.contains("within 10 s"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_got_over() {
    let _clock = ticking();
    let (log, _guard) = Log::start();
    let api = Api::start([]).await;
    api.always(Some(403));
    let running = Running::with_kube(Vec::new(), Some(api.config()));
    running.want(1, &path());
    assert_eq!(running.facts_within(300 * S).await, []);
    // At once, and after 1, 2, 4 ... 60 seconds, and a quarter more at most.
    let asked = api.requests().len();
    assert!((8..=11).contains(&asked), "{asked}");
    let (_lines, watch) = stream();
    api.add(list(7, &[pod(5)]));
    api.add(watch);
    assert_eq!(owner(&running.fact().await.1), Some("Deployment/web"));
    running.facts_within(2 * S).await;
    let again = log.lines("INFO");
    assert_eq!(again.len(), 1, "{again:#?}");
    assert!(again[0].contains("the Kubernetes API at 127.0.0.1:"), "{}", again[0]);
    let warnings = log.lines("WARN");
    assert_eq!(warnings.iter().filter(|line| line.contains("Kubernetes API")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_silent_for_too_long_is_given_up() {
    let _clock = ticking();
    let (log, _guard) = Log::start();
    let (lines, watch) = stream();
    let api = Api::start([list(7, &[pod(5)]), watch]).await;
    let running = Running::with_kube(Vec::new(), Some(api.config()));
    running.facts_within(200 * S).await;
    lines.send(event("MODIFIED", &pod(8))).unwrap();
    // From that on.
    running.facts_within(325 * S).await;
    assert_eq!((api.requests().len(), log.lines("WARN").len()), (2, 0));
    running.facts_within(10 * S).await;
    assert_eq!(api.requests(), ["0", "watch 7", "0"]);
    let warnings = log.lines("WARN");
    assert!(warnings.len() == 1 && warnings[0].contains("silent for 330 s"), "{warnings:#?}");
}

#[tokio::test(start_paused = true)]
async fn token_and_ca_are_read_anew_for_each_connection() {
    let _clock = ticking();
    let (lines, watch) = stream();
    let api = Api::start([list(7, &[pod(5)]), watch]).await;
    let running = Running::with_kube(Vec::new(), Some(api.config()));
    running.facts_within(5 * S).await;
    api.write("token", "token-2");
    api.write("ca.crt", &format!("{}{}", Api::other_ca(), api.read("ca.crt")));
    drop(lines);
    running.facts_within(5 * S).await;
    assert_eq!(api.tokens(), ["token-1", "token-1", "token-2"]);
}
