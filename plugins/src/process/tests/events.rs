use std::sync::Mutex;

use async_trait::async_trait;
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{EventId, EventType, SubAppId};
use tokio::sync::Semaphore;

use super::*;
use crate::emit::Emitted;

/// Takes events one by one, when the test lets it.
struct Store {
    may_take: Semaphore,
    taken: Mutex<Vec<Raised>>,
    came: tokio::sync::mpsc::UnboundedSender<String>,
}

impl Store {
    fn new(may_take: usize) -> (Arc<Self>, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let (came, seen) = tokio::sync::mpsc::unbounded_channel();
        (Arc::new(Self { may_take: Semaphore::new(may_take), taken: Mutex::default(), came }), seen)
    }
}

#[async_trait]
impl Emits for Store {
    async fn take(&self, event: Raised) -> Result<Emitted, ActionError> {
        self.came.send(event.id.clone()).unwrap();
        self.may_take.acquire().await.unwrap().forget();
        if event.kind.as_str() == "Late" {
            return Err(ActionError::retry("unavailable", "the event cannot be stored now"));
        }
        let mut taken = self.taken.lock().unwrap();
        let duplicate = taken.iter().any(|known| known.id == event.id);
        taken.push(event);
        Ok(Emitted { event: EventId::from_bytes([3; 16]), duplicate })
    }
}

/// Raises an event for each call, and answers calls `heard` with what it has heard of events.
const RAISING: &str = "
hello()
heard = []
for line in lines():
    if line['type'] in ('ack', 'refused'): heard.append(line)
    elif line['type'] == 'call' and line['params'] == 'heard': answer(line, heard=heard)
    elif line['type'] == 'call':
        say(type='event', id='ticket-1', event=line['params'])
        answer(line)
";

fn raising(program: &str, store: &Arc<Store>) -> Options {
    Options { emits: Some(Arc::clone(store) as Arc<dyn Emits>), ..python(program) }
}

/// What the program has heard, once that is so much.
async fn heard(process: &Process, count: usize) -> Vec<Value> {
    loop {
        let outputs = process.call(ask(r#""heard""#)).await.unwrap();
        let heard = outputs.get("heard").as_list().unwrap().to_vec();
        if heard.len() >= count {
            return heard;
        }
    }
}

#[tokio::test]
async fn an_event_is_acknowledged_after_it_is_stored_and_a_second_one_of_its_id_is_the_same() {
    let (store, mut seen) = Store::new(0);
    let process = Process::new(raising(RAISING, &store));
    let event =
        r#"{"type":"TicketClosed","body":{"n":50000000000000000011},"keys":{"ticket":"1","none":""},"subappid":7}"#;
    process.call(ask(event)).await.unwrap();
    assert_eq!(within(seen.recv()).await.unwrap(), "ticket-1");
    assert_eq!(heard(&process, 0).await, [], "it is not stored yet");
    store.may_take.add_permits(2);
    let first = within(heard(&process, 1)).await;
    process.call(ask(event)).await.unwrap();
    let second = within(heard(&process, 2)).await;
    let id = EventId::from_bytes([3; 16]);
    let ack = |is| format!(r#"{{"duplicate":{is},"event":"{id}","id":"ticket-1","type":"ack"}}"#);
    assert_eq!([first[0].to_json(), second[1].to_json()], [ack(false), ack(true)]);
    let expected = Raised {
        plugin: "probe".into(),
        id: "ticket-1".to_owned(),
        kind: EventType::from("TicketClosed"),
        body: Value::from_json(br#"{"n":50000000000000000011}"#).unwrap(),
        keys: vec![CorrelationKey { name: "ticket".to_owned(), value: "1".to_owned() }],
        app: Some(SubAppId(7)),
    };
    assert_eq!(*store.taken.lock().unwrap(), [expected.clone(), expected]);
}

#[tokio::test]
async fn an_event_that_is_not_stored_is_refused_with_what_to_do() {
    let (store, _seen) = Store::new(9);
    let process = Process::new(raising(RAISING, &store));
    let events = [
        (r#"{"type":"Late"}"#, "retry", "unavailable", "the event cannot be stored now"),
        (r#"{"type":"RunDead"}"#, "fatal", INVALID, "type: only Oncue itself raises RunDead: use another name"),
        (r#"{"body":{}}"#, "fatal", INVALID, "type: a type is a name of at most 128 bytes, such as OriginalDue"),
        (r#"{"type":"A","subappid":"7"}"#, "fatal", INVALID, "subappid: expected a whole number"),
    ];
    for (at, (event, class, code, message)) in events.into_iter().enumerate() {
        process.call(ask(event)).await.unwrap();
        let heard = within(heard(&process, at + 1)).await;
        let error = format!(r#"{{"class":"{class}","code":"{code}","message":"{message}"}}"#);
        assert_eq!(heard[at].get("error").to_json(), error, "{event}");
    }
    let none = Process::new(python(RAISING));
    none.call(ask(r#"{"type":"A"}"#)).await.unwrap();
    let error = r#"{"class":"fatal","code":"no_events","message":"events of the plugin probe are not taken"}"#;
    assert_eq!(within(heard(&none, 1)).await[0].get("error").to_json(), error);
}

#[tokio::test]
async fn a_function_in_python_raises_an_event_and_goes_on_when_it_is_stored() {
    let program = r#"
from oncue_plugin import *
import queue, threading
stored = queue.Queue()

def watch():
    stored.put(emit("ticket-1", "TicketClosed", {"n": 1}, keys={"ticket": "1"}))
    try: emit("ticket-2", "RunDead")
    except Fatal as refused: stored.put(refused.code)

@action
def heard(params, call): return {"heard": [stored.get(), stored.get()]}

threading.Thread(target=watch, daemon=True).start()
run()
"#;
    let (store, _seen) = Store::new(1);
    let command = ["python3", "-B", "-c", program].map(str::to_owned).into();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/python").into();
    let process = Process::new(Options { command, folder, ..raising("", &store) });
    let outputs = within(process.call(Ask { action: "heard".into(), ..ask("{}") })).await.unwrap();
    assert_eq!(outputs.to_json(), format!(r#"{{"heard":["{}","InvalidParams"]}}"#, EventId::from_bytes([3; 16])));
    assert_eq!(store.taken.lock().unwrap()[0].kind.as_str(), "TicketClosed");
}

#[tokio::test]
async fn a_program_that_does_not_wait_for_answers_is_not_read_on() {
    let program = "
hello()
for n in range(1000): say(type='event', id=str(n), event={'type': 'A'})
for call in calls(): answer(call)
";
    let (store, mut seen) = Store::new(0);
    let process = Arc::new(Process::new(raising(program, &store)));
    let asked = under_way(&process, ask("{}"));
    for n in 0..limits::EVENTS {
        assert_eq!(within(seen.recv()).await.unwrap(), n.to_string());
    }
    assert!(seen.try_recv().is_err() && !asked.is_finished());
    store.may_take.add_permits(1000);
    within(asked).await.unwrap().unwrap();
    assert_eq!(seen.len(), 1000 - limits::EVENTS);
}

#[tokio::test]
async fn a_program_that_raises_events_is_kept_running_without_being_called() {
    let program = "
hello()
say(type='event', id=str(os.getpid()), event={'type': 'Started'})
for line in lines():
    if line['type'] == 'ack': sys.exit(0)
";
    let (store, mut seen) = Store::new(9);
    let process = Process::new(raising(program, &store));
    process.start();
    let (first, second) = (within(seen.recv()).await.unwrap(), within(seen.recv()).await.unwrap());
    assert_ne!(first, second, "another process");
}
