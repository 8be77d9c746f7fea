//! What is not dialled, and when a check is over.

use super::*;
use crate::probe::examine::Examiner;
use crate::probe::{Answer, MAX_LIST, MAX_SAMPLE, MAX_SEEDS, QuestionError, Verdict};
use crate::types::NodeId;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

async fn refused(question: &Question, seeds: &[String]) -> QuestionError {
    check(&Dialler::new(DialLimits::default()), question, seeds, ProbeLimits::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_question_out_of_bounds_is_refused() {
    let one = [format!("{ID}@127.0.0.1:1")];
    assert_eq!(refused(&question(), &[]).await, QuestionError::NoSeeds);
    let many = vec![String::new(); MAX_SEEDS + 1];
    assert_eq!(refused(&question(), &many).await, QuestionError::TooManySeeds(MAX_SEEDS + 1));
    assert_eq!(refused(&question(), &["x".repeat(MAX_LIST + 1)]).await, QuestionError::TooLong);
    let greedy = Question { sample: MAX_SAMPLE + 1, ..question() };
    assert_eq!(refused(&greedy, &one).await, QuestionError::Sample(MAX_SAMPLE + 1));
    for chain_id in ["", "a\nb", &"a".repeat(51)] {
        let nameless = Question { chain_id: chain_id.into(), ..question() };
        assert_eq!(refused(&nameless, &one).await, QuestionError::ChainId, "{chain_id:?}");
    }
}

#[tokio::test]
async fn private_addresses_are_not_dialled_where_the_internet_is_meant() {
    let seed = scripted(CHAIN, Manner::Answers(Vec::new())).await;
    let port = seed.address().port();
    let list = [seed.address().to_string(), format!("{}@localhost:{port}", seed.address().id())];
    for report in look(&Question { strict: true, ..question() }, &list).await {
        assert_eq!((report.verdict, report.fault, report.remote), (Verdict::Unroutable, "unroutable", None));
        assert!(report.is_definite());
    }
}

#[tokio::test]
async fn what_is_not_known_when_the_time_is_over_is_told_as_such() {
    let (live, silent) =
        (scripted(CHAIN, Manner::Answers(Vec::new())).await, scripted(CHAIN, Manner::StaysSilent).await);
    let list = [&live, &silent].map(|seed| seed.address().to_string());
    let limits = ProbeLimits { whole: Duration::from_secs(5), ..ProbeLimits::default() };
    let reports = look_within(limits, &question(), &list).await;
    assert_eq!(reports[0].verdict, Verdict::Empty);
    assert_eq!((reports[1].verdict, reports[1].fault), (Verdict::NotChecked, "not_checked"));
    assert_eq!(reports[1].moniker, "scripted", "what was known is reported");
    assert!(reports[1].detail.contains("fewer seeds"), "{}", reports[1].detail);
}

#[tokio::test]
async fn a_foreign_text_is_kept_short() {
    let mut identity = Identity::random(CHAIN);
    identity.info.moniker = "m".repeat(5_000);
    let seed = ScriptedSeed::open(identity, Manner::StaysSilent).await.unwrap();
    let list = [seed.address().to_string(), "é".repeat(5_000)];
    let reports = look_within(impatient(), &question(), &list).await;
    assert_eq!((reports[0].moniker.len(), reports[1].seed.chars().count()), (100, 320));
}

#[tokio::test]
async fn what_cannot_be_used_of_an_answer_is_counted() {
    let at =
        |n: u8, ip: &str| NetAddress::new(NodeId::from_bytes([n; NodeId::LEN]), ip.parse().unwrap(), 26656).unwrap();
    let examiner = Examiner::new(
        &Dialler::new(DialLimits::default()),
        &Question { strict: true, ..question() },
        ProbeLimits::default(),
    );
    let weigh = async |addresses: Vec<NetAddress>, total| {
        let mut report = Report::new("x");
        let answer = Answer { addresses, total, took: Duration::ZERO };
        examiner.weigh(NodeId::from_bytes([0; NodeId::LEN]), answer, &mut report).await;
        (report.verdict, report.address_count, report.unusable_address_count)
    };
    let (public, private) = (at(1, "8.8.8.8"), at(2, "10.0.0.1"));
    assert_eq!(weigh(vec![public, private], 5).await, (Verdict::Ok, 5, 4), "three were no addresses at all");
    assert_eq!(weigh(vec![private], 1).await, (Verdict::Empty, 1, 1));
    assert_eq!(weigh(vec![public; 250], 9_000).await, (Verdict::Ok, 9_000, 0), "a sample of more");
}
