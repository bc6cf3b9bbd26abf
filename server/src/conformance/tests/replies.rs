//! `/temp-queue/…` in `reply-to`, and the `/reply-queue/…` behind it.

use super::*;

const SERVICE: &str = "/queue/service";
const REPLIES: &str = "/temp-queue/replies";

/// What the service sees in `reply-to` when the client asks.
fn ask(client: &mut Client, service: &mut Client, name: &str) -> String {
    client
        .try_send(send(SERVICE, &[("reply-to", name)], "?"))
        .unwrap();
    client.catch_up();
    let frames = service.frames();
    header(&frames[0], "reply-to")
}

fn service(broker: &Arc<Broker>) -> Client {
    let mut service = Client::new(broker);
    service.subscribe("s", SERVICE, AckMode::Auto);
    service
}

#[test]
fn an_answer_comes_under_the_name_that_the_client_gave() {
    let broker = broker();
    let (mut client, mut service) = (Client::new(&broker), service(&broker));
    let real = ask(&mut client, &mut service, REPLIES);
    assert!(real.starts_with("/reply-queue/"), "{real}");
    assert_eq!(ask(&mut client, &mut service, REPLIES), real, "made once");
    service.send(&real, "!");
    let frames = client.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(header(&frames[0], "subscription"), REPLIES);
    assert_eq!(header(&frames[0], "destination"), real);
    assert_eq!(text(&frames[0]), "!");
}

#[test]
fn an_answer_waits_for_the_session_to_ask() {
    let broker = broker();
    let (mut client, mut service) = (Client::new(&broker), service(&broker));
    client
        .try_send(send(SERVICE, &[("reply-to", REPLIES)], "?"))
        .unwrap();
    service.send(&header(&service.frames()[0], "reply-to"), "!");
    assert!(client.is_nudged());
    client.catch_up();
    assert_eq!(client.texts(), ["!"]);
}

#[test]
fn temporary_names_are_private() {
    let broker = broker();
    let (mut one, mut other) = (Client::new(&broker), Client::new(&broker));
    let mut service = service(&broker);
    let of_one = ask(&mut one, &mut service, REPLIES);
    let of_other = ask(&mut other, &mut service, REPLIES);
    assert_ne!(of_one, of_other);
    assert_ne!(of_one, ask(&mut one, &mut service, "/temp-queue/more"));
    service.send(&of_other, "!");
    assert!(one.texts().is_empty());
    assert_eq!(other.texts(), ["!"]);
}

#[test]
fn an_answer_to_one_who_left_harms_nobody() {
    let broker = broker();
    let (mut client, mut service) = (Client::new(&broker), service(&broker));
    let real = ask(&mut client, &mut service, REPLIES);
    drop(client);
    service.send(&real, "!");
    assert_eq!(broker.usage(), (0, 1), "the service's own subscription");
}

#[test]
fn other_values_of_reply_to_are_passed_on_as_they_are() {
    let broker = broker();
    let (mut client, mut service) = (Client::new(&broker), service(&broker));
    for value in ["/queue/answers", "whoever", ""] {
        assert_eq!(ask(&mut client, &mut service, value), value);
    }
}

#[test]
fn a_temporary_queue_needs_a_name_and_there_are_so_many() {
    let broker = broker();
    let mut client = Client::new(&broker);
    let ask = |client: &mut Client, name: &str| {
        client.try_send(send(SERVICE, &[("reply-to", name)], "?"))
    };
    let refusal = ask(&mut client, "/temp-queue/").unwrap_err();
    assert_eq!(refusal.message, "Invalid destination");
    for number in 0..100 {
        ask(&mut client, &format!("/temp-queue/{number}")).unwrap();
    }
    let refusal = ask(&mut client, "/temp-queue/100").unwrap_err();
    assert_eq!(refusal.message, "Too many temporary queues");
    ask(&mut client, "/temp-queue/7").unwrap();
    drop(client);
    assert_eq!(broker.usage().1, 1, "only what the service has not taken");
}
