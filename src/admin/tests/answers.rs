//! What was answered to whom, of real networks and real strangers.

use super::*;
use crate::network::tests::session::ask;
use crate::network::tests::{Process, address, addresses, until};
use crate::proto::pexd::v1::peer_service_client::PeerServiceClient;
use crate::proto::pexd::v1::{AnswerFilter, ListAnswersRequest, ListAnswersResponse};

async fn answers(served: &Served, request: ListAnswersRequest) -> Result<ListAnswersResponse, Status> {
    Ok(PeerServiceClient::new(served.channel.clone()).list_answers(request).await?.into_inner())
}

fn request(filter: AnswerFilter) -> ListAnswersRequest {
    ListAnswersRequest { network: "-".into(), filter: Some(filter), ..Default::default() }
}

#[tokio::test]
async fn who_was_told_what_is_listed_in_pages_and_found_from_either_end() {
    let process = Process::new();
    let (one, two) = (process.seed("a"), process.seed("b"));
    let (seed, other, known) = (address(&one), address(&two), addresses(3, 40));
    let handles = [process.serve(one, &known).await, process.serve(two, &addresses(4, 2)).await];
    let served = serve_networks(Directory::new(handles, None)).await;
    let told = [
        ask(&process.dialler, seed, "a").await.unwrap(),
        ask(&process.dialler, other, "b").await.unwrap(),
        ask(&process.dialler, seed, "a").await.unwrap(),
    ];
    let list = async |filter| answers(&served, request(filter)).await.unwrap().answers;
    until("the answers are written", async || list(AnswerFilter::default()).await.len() == 3).await;

    let all = answers(&served, ListAnswersRequest { with_addresses: true, ..request(AnswerFilter::default()) }).await;
    let all = all.unwrap().answers;
    assert_eq!(all.iter().map(|answer| answer.network.as_str()).collect::<Vec<_>>(), ["a", "b", "a"]);
    for (answer, told) in all.iter().rev().zip(&told) {
        assert_eq!(answer.addresses, told.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!((answer.address_count as usize, answer.requester_ip.as_str()), (told.len(), "127.0.0.1"));
    }
    let [last, middle, first] = [0, 1, 2].map(|n| all[n].requester_id.clone());
    let to = async |filter| list(filter).await.into_iter().map(|answer| answer.requester_id).collect::<Vec<_>>();
    assert_eq!(to(AnswerFilter { requester: first.clone(), ..Default::default() }).await, [first.as_str()]);
    let local = AnswerFilter { requester: "127.0.0.0/8".into(), ..Default::default() };
    assert_eq!(to(local).await, [last.as_str(), &middle, &first]);
    for named in [addresses(4, 1)[0].to_string(), addresses(4, 1)[0].id().to_string(), "127.4.0.0/24".into()] {
        assert_eq!(to(AnswerFilter { named, ..Default::default() }).await, [middle.as_str()]);
    }
    let strange = AnswerFilter { named: "9.9.9.9".into(), ..Default::default() };
    assert!(to(strange).await.is_empty());
    assert!(list(AnswerFilter::default()).await.iter().all(|answer| answer.addresses.is_empty()), "not asked for");

    let page = ListAnswersRequest { page_size: 1, with_addresses: true, ..request(AnswerFilter::default()) };
    let (mut walked, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = answers(&served, ListAnswersRequest { page_token, ..page.clone() }).await.unwrap();
        walked.extend(page.answers);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, all);
    for (field, filter) in [
        ("filter.requester", AnswerFilter { requester: "nobody".into(), ..Default::default() }),
        ("filter.named", AnswerFilter { named: format!("{}@nowhere", "ab".repeat(20)), ..Default::default() }),
    ] {
        assert_eq!(violated_field(&answers(&served, request(filter)).await.unwrap_err()), field);
    }
}

#[tokio::test]
async fn answers_outlive_a_restart_and_a_log_that_is_off_says_so() {
    let process = Process::new();
    let config = || {
        let mut config = process.seed("a");
        config.params.pex.bootstrap = true;
        config
    };
    let (config, off) = (config(), crate::network::Config { answer_log_bytes: 0, ..process.seed("b") });
    let (seed, book) = (address(&config), config.book.clone());
    crate::network::tests::fill_book(&book, "a", &addresses(3, 40)).await;
    let life = process.live(config).await;
    let told = ask(&process.dialler, seed, "a").await.unwrap();
    life.end().await;
    let again = process.live(process.seed("a")).await;
    let served = serve_networks(Directory::new([again.handle.clone(), process.spawn(off).await.handle], None)).await;
    let all = answers(&served, ListAnswersRequest { with_addresses: true, ..request(AnswerFilter::default()) }).await;
    let all = all.unwrap();
    let named: Vec<Vec<String>> = all.answers.into_iter().map(|answer| answer.addresses).collect();
    assert_eq!(named, [told.iter().map(ToString::to_string).collect::<Vec<_>>()], "written before it ended");
    assert_eq!(all.failures.len(), 1, "{:?}", all.failures);
    assert!(all.failures[0].reason.contains("book.answer_log_mib"), "{:?}", all.failures);
}
