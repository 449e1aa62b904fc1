//! Every input comes back as it was.

use super::*;

const ID: ProcessId = ProcessId { pid: 901, start_ticks: u64::MAX };

fn every_input() -> Vec<Input> {
    let fact = |body| Input::Fact(Fact { at: BootNs(u64::MAX), body });
    let process = ProcessFact {
        id: ID,
        parent: Some(ProcessId { pid: 1, start_ticks: 3 }),
        pgid: 901,
        ns_pid: 1,
        ns_level: 2,
        uid: u32::MAX,
        cgroup: CgroupKey::V2(u64::MAX),
        comm: Comm::from_bytes(b"\x1b[31m\"\xff\\xff\n"),
        state: b'Z',
        pending: u64::MAX,
        ignored: 1,
        caught: 0,
        zombie: Some(WaitStatus(9)),
    };
    let mut inputs = vec![
        Input::Frame(vec![]),
        Input::Frame((0..=255).collect()),
        fact(FactBody::Process(process.clone())),
        fact(FactBody::Process(ProcessFact { parent: None, zombie: None, ..process })),
        fact(FactBody::ProcessGone(ID)),
        fact(FactBody::Cgroup { key: CgroupKey::V1(7), path: b"/a\xff\\x5c\n".to_vec() }),
        fact(FactBody::Cgroup { key: CgroupKey::Root, path: b"/".to_vec() }),
        Input::Clock(ClockAnchor { boot: BootNs(1), wall_ns: i64::MIN }),
        Input::Tick(BootNs(u64::MAX)),
        Input::End(BootNs(0)),
    ];
    for kind in LossKind::ALL {
        inputs.push(Input::Loss(Loss { kind, count: 3, from: BootNs(1), to: BootNs(2) }));
    }
    inputs
}

#[test]
fn every_input_comes_back_as_it_was() {
    for input in every_input() {
        let json = serde_json::to_string(&WireInput::from(&input)).unwrap();
        let read: WireInput = serde_json::from_str(&json).unwrap();
        assert_eq!(read.into_input(), Ok(input), "{json}");
    }
}

#[test]
fn inputs_read_as_documented() {
    let json = |input| serde_json::to_string(&WireInput::from(&input)).unwrap();
    assert_eq!(json(Input::Frame(b"abc".to_vec())), r#"{"frame":"YWJj"}"#);
    assert_eq!(json(Input::Tick(BootNs(5))), r#"{"tick":5}"#);
    assert_eq!(
        json(Input::Fact(Fact { at: BootNs(1), body: FactBody::ProcessGone(ID) })),
        r#"{"fact":{"at":1,"body":{"process_gone":{"pid":901,"start_ticks":18446744073709551615}}}}"#
    );
}

#[test]
fn what_cannot_be_used_is_said() {
    for (json, error) in [
        (r#"{"frame":"?"}"#, "bad frame"),
        (r#"{"loss":{"kind":"x","count":1,"from":0,"to":0}}"#, "kind of loss \"x\""),
        (r#"{"fact":{"at":0,"body":{"cgroup":{"key":"v3:1","path":"/"}}}}"#, "cgroup \"v3:1\""),
    ] {
        let input: WireInput = serde_json::from_str(json).unwrap();
        let said = input.into_input().unwrap_err();
        assert!(said.contains(error), "{said}");
    }
}
