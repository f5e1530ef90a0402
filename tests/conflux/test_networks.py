import pytest

from vedette.conflux.networks import Network, calls_per_s, epoch_of_height, known, network, round_seconds


def of(chain_id: int) -> Network:
    found = network(chain_id)
    assert found is not None
    return found


def test_a_private_chain_is_no_public_network() -> None:
    assert network(1234) is None


@pytest.mark.parametrize(
    "chain_id, height, epoch",
    [
        (1029, 1, 1),
        (1029, 60, 1),
        (1029, 61, 2),
        (1029, 1_684_080, 28_068),  # the last before CIP-136
        (1029, 1_684_081, 28_069),
        (1029, 1_684_200, 28_069),  # a multiple of the term ends its epoch
        (1029, 1_684_201, 28_070),
        (1029, 3_749_400, 45_279),
        (1, 1_685_520, 28_092),
        (1, 1_685_521, 28_093),
        (1, 1_685_641, 28_094),
    ],
)
def test_a_height_lies_in_its_epoch(chain_id: int, height: int, epoch: int) -> None:
    assert epoch_of_height(of(chain_id).terms, height) == epoch


@pytest.mark.parametrize(
    "chain_id, epoch, seconds", [(1029, 12_769, 60), (1029, 12_770, 30), (1, 12_365, 30)]
)
def test_a_round_takes_its_time(chain_id: int, epoch: int, seconds: int) -> None:
    assert round_seconds(of(chain_id).rounds, epoch) == seconds


def test_public_gateways_have_a_budget_and_own_nodes_have_none() -> None:
    assert calls_per_s("https://main.confluxrpc.com/some-key") == 5
    assert calls_per_s("http://127.0.0.1:12539") is None


def test_forks_and_terms_ascend() -> None:
    for each in known().networks:
        starts = [term.from_height for term in each.terms]
        heights = [fork.pos_height for fork in each.forks if fork.pos_height is not None]
        epochs = [fork.pow_epoch for fork in each.forks if fork.pow_epoch is not None]
        assert starts == sorted(set(starts))
        assert starts[0] == 0
        assert heights == sorted(set(heights))
        assert epochs == sorted(set(epochs))


def test_pools_are_named_once_and_on_their_own_network() -> None:
    for each in known().networks:
        prefix = {"mainnet": "cfx:", "testnet": "cfxtest:"}[each.name]
        contracts = [pool.contract for pool in each.pools]
        assert all(
            contract.startswith(prefix) and len(contract) == len(prefix) + 42 for contract in contracts
        )
        assert len({*contracts}) == len(contracts) == len({pool.name for pool in each.pools})
