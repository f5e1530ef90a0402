"""A method for each operation.

Made by scripts/clients.py from the server's OpenAPI document: change the server, not this file.
"""

from typing import Any, Literal

from vedette_client._http import Http, segment
from vedette_client.shapes import *


class Client:
    """Asks one server, as whoever the token stands for; without one, as the public."""

    def __init__(self, base_url: str, token: str | None = None, timeout_s: float = 30.0) -> None:
        self._http = Http(base_url, token, timeout_s)

    def download(self, path: str, **query: Any) -> bytes:
        """Any list as a table: `format="csv"` or `"parquet"`. Raises VedetteError."""
        return self._http.raw("GET", path, query)

    def network(self) -> Network:
        """Where the chain is, how our endpoints do, and how many of your nodes are in which state."""
        answer: Network = self._http.json("GET", "/api/v1/network", {})
        return answer

    def network_history(
        self, *, window: Literal["24h", "7d", "30d", "365d", "all"] | None = None, points: int | None = None
    ) -> NetworkHistory:
        """Columns for charts: participation, rewards, stake, yields and finality."""
        answer: NetworkHistory = self._http.json(
            "GET", "/api/v1/network/history", {"window": window, "points": points}
        )
        return answer

    def history_progress(self) -> HistoryProgressShape:
        """How far the past is read: blocks, epochs, rewards, transactions."""
        answer: HistoryProgressShape = self._http.json("GET", "/api/v1/history", {})
        return answer

    def list_validators(
        self,
        *,
        last: int | None = None,
        window: Literal["24h", "7d", "30d", "365d", "all"] | None = None,
        q: str | None = None,
        sort: Literal[
            "address",
            "score",
            "apy",
            "vote_rate",
            "reward",
            "paid_over_expected",
            "seats",
            "served",
            "silent",
            "led",
            "loss_silent",
            "votes",
            "stake",
            "last_signed",
            "-address",
            "-score",
            "-apy",
            "-vote_rate",
            "-reward",
            "-paid_over_expected",
            "-seats",
            "-served",
            "-silent",
            "-led",
            "-loss_silent",
            "-votes",
            "-stake",
            "-last_signed",
        ]
        | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Validators:
        """Every validator that was ever seen or is watched: stake, last blocks, and how it did."""
        answer: Validators = self._http.json(
            "GET",
            "/api/v1/validators",
            {"last": last, "window": window, "q": q, "sort": sort, "limit": limit, "cursor": cursor},
        )
        return answer

    def one_validator(
        self,
        address: str | int,
        *,
        window: Literal["24h", "7d", "30d", "365d", "all"] | None = None,
        look: bool | None = None,
    ) -> ValidatorInFull:
        """One validator, with what its team tells of it, if one proved that it is its own."""
        answer: ValidatorInFull = self._http.json(
            "GET", f"/api/v1/validators/{segment(address)}", {"window": window, "look": look}
        )
        return answer

    def validator_votes(
        self,
        address: str | int,
        *,
        last: int | None = None,
        first_epoch: int | None = None,
        last_epoch: int | None = None,
    ) -> Strip:
        """One validator's votes in the last settled blocks, or in finished epochs (at most 100 at a time)."""
        answer: Strip = self._http.json(
            "GET",
            f"/api/v1/validators/{segment(address)}/votes",
            {"last": last, "first_epoch": first_epoch, "last_epoch": last_epoch},
        )
        return answer

    def validator_performance(
        self, address: str | int, *, window: Literal["24h", "7d", "30d", "365d", "all"] | None = None
    ) -> PerformanceShape:
        """Every figure of one validator over a window, each with its formula."""
        answer: PerformanceShape = self._http.json(
            "GET", f"/api/v1/validators/{segment(address)}/performance", {"window": window}
        )
        return answer

    def validator_epochs(
        self, address: str | int, *, before: int | None = None, limit: int | None = None
    ) -> ValidatorEpochs:
        """Epoch by epoch: votes, what it signed and led, and what it was paid; newest first."""
        answer: ValidatorEpochs = self._http.json(
            "GET", f"/api/v1/validators/{segment(address)}/epochs", {"before": before, "limit": limit}
        )
        return answer

    def validator_rewards(
        self, address: str | int, *, before: int | None = None, limit: int | None = None
    ) -> Rewards:
        """What it was paid for each epoch, to the last Drip; newest first."""
        answer: Rewards = self._http.json(
            "GET", f"/api/v1/validators/{segment(address)}/rewards", {"before": before, "limit": limit}
        )
        return answer

    def validator_balance(
        self, address: str | int, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> Balance:
        """What it held over time, in PoS and at its PoW address; without times, the last 30 days."""
        answer: Balance = self._http.json(
            "GET", f"/api/v1/validators/{segment(address)}/balance", {"from_ms": from_ms, "to_ms": to_ms}
        )
        return answer

    def validator_outlook(self, address: str | int) -> Outlook:
        """How long it may stand still, when its queues end, and the elections that are coming."""
        answer: Outlook = self._http.json("GET", f"/api/v1/validators/{segment(address)}/outlook", {})
        return answer

    def validator_elections(
        self, address: str | int, *, before: int | None = None, limit: int | None = None
    ) -> Elections:
        """Term by term: whether it stood for election, and which seats it won; newest first."""
        answer: Elections = self._http.json(
            "GET", f"/api/v1/validators/{segment(address)}/elections", {"before": before, "limit": limit}
        )
        return answer

    def validator_events(
        self, address: str | int, *, before: int | None = None, limit: int | None = None
    ) -> Events:
        """What happened to it: its transactions, and what snapshots of its stake show; newest first."""
        answer: Events = self._http.json(
            "GET", f"/api/v1/validators/{segment(address)}/events", {"before": before, "limit": limit}
        )
        return answer

    def acting_committee(self) -> CommitteeShape:
        """Who may vote now, what they signed of the last hundred blocks, and the two coming elections."""
        answer: CommitteeShape = self._http.json("GET", "/api/v1/committee", {})
        return answer

    def committee_of_epoch(self, epoch: str | int) -> CommitteeShape:
        """Who could vote in an epoch, and what they signed in it."""
        answer: CommitteeShape = self._http.json("GET", f"/api/v1/committee/{segment(epoch)}", {})
        return answer

    def list_epochs(self, *, before: int | None = None, limit: int | None = None) -> Epochs:
        """Finished epochs, newest first."""
        answer: Epochs = self._http.json("GET", "/api/v1/epochs", {"before": before, "limit": limit})
        return answer

    def one_epoch(self, epoch: str | int) -> EpochShape:
        """One finished epoch, with everybody's part in it."""
        answer: EpochShape = self._http.json("GET", f"/api/v1/epochs/{segment(epoch)}", {})
        return answer

    def list_nodes(self, *, limit: int | None = None, cursor: str | None = None) -> Nodes:
        """Your nodes, by name; for anybody else those that their operators made public, and little of them."""
        answer: Nodes = self._http.json("GET", "/api/v1/nodes", {"limit": limit, "cursor": cursor})
        return answer

    def one_node(self, node_id: str | int) -> Node:
        """One node, as its agent last described it."""
        answer: Node = self._http.json("GET", f"/api/v1/nodes/{segment(node_id)}", {})
        return answer

    def change_node(self, node_id: str | int, body: NodeChange) -> Node:
        """Say what your node is called, is for, and where it is; whatever is left out stays."""
        answer: Node = self._http.json("PATCH", f"/api/v1/nodes/{segment(node_id)}", {}, body)
        return answer

    def forget_node(self, node_id: str | int) -> None:
        """Forget your node and its past. Its agent is refused from then on, until it is enrolled again."""
        self._http.json("DELETE", f"/api/v1/nodes/{segment(node_id)}", {})

    def revoke_node(self, node_id: str | int, body: Nothing) -> Node:
        """Refuse your node's agent from now on, until a new enrolment lets it in again. Its past stays."""
        answer: Node = self._http.json("POST", f"/api/v1/nodes/{segment(node_id)}/revoke", {}, body)
        return answer

    def node_series(
        self,
        node_id: str | int,
        *,
        names: str | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        points: int | None = None,
    ) -> Series:
        """Columns for a chart; without times, the last 24 hours."""
        answer: Series = self._http.json(
            "GET",
            f"/api/v1/nodes/{segment(node_id)}/series",
            {"names": names, "from_ms": from_ms, "to_ms": to_ms, "points": points},
        )
        return answer

    def node_states(
        self,
        node_id: str | int,
        *,
        names: str | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> States:
        """Since when a state was what, over time: versions, phases, errors; without times, the last 24 hours."""
        answer: States = self._http.json(
            "GET",
            f"/api/v1/nodes/{segment(node_id)}/states",
            {"names": names, "from_ms": from_ms, "to_ms": to_ms},
        )
        return answer

    def node_availability(
        self,
        node_id: str | int,
        *,
        window: Literal["24h", "7d", "30d", "365d", "all"] | None = None,
        cell: Literal["hour", "day"] | None = None,
    ) -> Availability:
        """How long it ran and answered, and how long nobody knows; with an availability calendar."""
        answer: Availability = self._http.json(
            "GET", f"/api/v1/nodes/{segment(node_id)}/availability", {"window": window, "cell": cell}
        )
        return answer

    def waiting_enrolments(self) -> Enrolments:
        """The tokens of your team with which no agent came yet, and which still let one in."""
        answer: Enrolments = self._http.json("GET", "/api/v1/enrolments", {})
        return answer

    def make_enrolment(self, body: EnrolmentWish) -> EnrolmentTicket:
        """A token that lets one agent in, once, within an hour, and the line to run on the node's machine."""
        answer: EnrolmentTicket = self._http.json("POST", "/api/v1/enrolments", {}, body)
        return answer

    def enrolment(self, enrolment_id: str | int) -> EnrolmentState:
        """Whether an agent came with the token."""
        answer: EnrolmentState = self._http.json("GET", f"/api/v1/enrolments/{segment(enrolment_id)}", {})
        return answer

    def withdraw_enrolment(self, enrolment_id: str | int) -> None:
        """Take a token back: it lets nobody in from now on."""
        self._http.json("DELETE", f"/api/v1/enrolments/{segment(enrolment_id)}", {})

    def world_map(self) -> WorldMap:
        """Nodes by place. Without membership public ones only, and each no finer than its operator allowed."""
        answer: WorldMap = self._http.json("GET", "/api/v1/map", {})
        return answer

    def versions(self) -> Versions:
        """Releases by nodes and voting power, and who is ready for which fork."""
        answer: Versions = self._http.json("GET", "/api/v1/versions", {})
        return answer

    def list_blocks(self, *, before: int | None = None, limit: int | None = None) -> Blocks:
        """Settled blocks and who was absent, newest first."""
        answer: Blocks = self._http.json("GET", "/api/v1/blocks", {"before": before, "limit": limit})
        return answer

    def one_block(self, height: str | int) -> BlockShape:
        """One settled block: who signed it, and who did not."""
        answer: BlockShape = self._http.json("GET", f"/api/v1/blocks/{segment(height)}", {})
        return answer

    def list_pools(
        self,
        *,
        window: Literal["24h", "7d", "30d", "365d", "all"] | None = None,
        sort: Literal[
            "apy_after_fee",
            "apy",
            "fee",
            "votes",
            "stakers",
            "reward",
            "silent",
            "score",
            "name",
            "-apy_after_fee",
            "-apy",
            "-fee",
            "-votes",
            "-stakers",
            "-reward",
            "-silent",
            "-score",
            "-name",
        ]
        | None = None,
    ) -> Pools:
        """Every pool that is listed: its fee, what it holds, and what it left its stakers."""
        answer: Pools = self._http.json("GET", "/api/v1/pools", {"window": window, "sort": sort})
        return answer

    def one_pool(
        self, pool: str | int, *, window: Literal["24h", "7d", "30d", "365d", "all"] | None = None
    ) -> PoolDetail:
        """One pool, and when it failed."""
        answer: PoolDetail = self._http.json("GET", f"/api/v1/pools/{segment(pool)}", {"window": window})
        return answer

    def pool_fees(self, pool: str | int, *, before: int | None = None, limit: int | None = None) -> Fees:
        """What its operator decided when: fee, periods, owner and code; newest first."""
        answer: Fees = self._http.json(
            "GET", f"/api/v1/pools/{segment(pool)}/fees", {"before": before, "limit": limit}
        )
        return answer

    def pool_holdings(
        self, pool: str | int, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> HoldingsHistory:
        """What it held and had earned over time; without times, the last 30 days."""
        answer: HoldingsHistory = self._http.json(
            "GET", f"/api/v1/pools/{segment(pool)}/holdings", {"from_ms": from_ms, "to_ms": to_ms}
        )
        return answer

    def one_wallet(self, address: str | int) -> WalletShape:
        """Its votes, its interest, and when its votes come free, in every pool that is listed."""
        answer: WalletShape = self._http.json("GET", f"/api/v1/wallets/{segment(address)}", {})
        return answer

    def list_incidents(
        self,
        *,
        before: int | None = None,
        limit: int | None = None,
        state: Literal["open", "resolved"] | None = None,
        severity: Severity | None = None,
        rule: str | None = None,
        subject: str | None = None,
    ) -> Incidents:
        """What is wrong, and what was: open ones first, then newest first."""
        answer: Incidents = self._http.json(
            "GET",
            "/api/v1/incidents",
            {
                "before": before,
                "limit": limit,
                "state": state,
                "severity": severity,
                "rule": rule,
                "subject": subject,
            },
        )
        return answer

    def one_incident(self, incident_id: str | int) -> WholeIncident:
        """One incident: its words, its messages, and what became of it."""
        answer: WholeIncident = self._http.json("GET", f"/api/v1/incidents/{segment(incident_id)}", {})
        return answer

    def acknowledge_incident(self, incident_id: str | int, body: AcknowledgeWish) -> WholeIncident:
        """Say that you have it: no more reminders, and nobody else is told."""
        answer: WholeIncident = self._http.json(
            "POST", f"/api/v1/incidents/{segment(incident_id)}/acknowledge", {}, body
        )
        return answer

    def take_back_acknowledgement(self, incident_id: str | int) -> WholeIncident:
        """Give it back: reminders go on, and the next ones are told."""
        answer: WholeIncident = self._http.json(
            "DELETE", f"/api/v1/incidents/{segment(incident_id)}/acknowledge", {}
        )
        return answer

    def close_incident(self, incident_id: str | int, body: CloseWish) -> WholeIncident:
        """End it by hand: it tells nobody any more, and is over as soon as it is no longer found."""
        answer: WholeIncident = self._http.json(
            "POST", f"/api/v1/incidents/{segment(incident_id)}/close", {}, body
        )
        return answer

    def comment_incident(self, incident_id: str | int, body: CommentWish) -> WholeIncident:
        """Say something of it: what was found, what was done."""
        answer: WholeIncident = self._http.json(
            "POST", f"/api/v1/incidents/{segment(incident_id)}/comments", {}, body
        )
        return answer

    def look_at_acknowledgement(self, token: str | int) -> AcknowledgementOffer:
        """What the link of a message would do. It does nothing by itself: mail programs open links, too."""
        answer: AcknowledgementOffer = self._http.json(
            "GET", f"/api/v1/acknowledgements/{segment(token)}", {}
        )
        return answer

    def acknowledge_by_link(self, token: str | int, body: AcknowledgeWish) -> AcknowledgementOffer:
        """Take the incident of a message on, signed in or not."""
        answer: AcknowledgementOffer = self._http.json(
            "POST", f"/api/v1/acknowledgements/{segment(token)}", {}, body
        )
        return answer

    def incident_evidence(self, incident_id: str | int) -> IncidentEvidence:
        """What was seen when the incident opened, grew worse, and ended, kept longer than the series."""
        answer: IncidentEvidence = self._http.json(
            "GET", f"/api/v1/incidents/{segment(incident_id)}/evidence", {}
        )
        return answer

    def incident_evidence_text(self, incident_id: str | int) -> str:
        """The same to be read, sent on or printed: with its messages, their receipts, and what people did."""
        answer: str = self._http.text("GET", f"/api/v1/incidents/{segment(incident_id)}/evidence.txt", {})
        return answer

    def list_rules(self) -> Rules:
        """Every rule: why it is there, what it goes by for your team, and how often it fired lately."""
        answer: Rules = self._http.json("GET", "/api/v1/alerts/rules", {})
        return answer

    def change_limits(self, body: LimitsChange) -> Rules:
        """Set the preset and limits of your team as a whole, for all or for single nodes and validators."""
        answer: Rules = self._http.json("PUT", "/api/v1/alerts/limits", {}, body)
        return answer

    def list_claims(self) -> Claims:
        """The validators that your team proved to be its own."""
        answer: Claims = self._http.json("GET", "/api/v1/claims", {})
        return answer

    def begin_claim(self, body: ClaimWish) -> ClaimChallenge:
        """Ask for a text whose signature proves that a validator is yours. It waits for half an hour."""
        answer: ClaimChallenge = self._http.json("POST", "/api/v1/claims", {}, body)
        return answer

    def prove_claim(self, challenge_id: str | int, body: ClaimProof) -> ClaimShape:
        """Hand in the signature. A claim of another team, if there was one, ends with that."""
        answer: ClaimShape = self._http.json("PUT", f"/api/v1/claims/{segment(challenge_id)}", {}, body)
        return answer

    def change_claim(self, address: str | int, body: ClaimChange) -> ClaimShape:
        """Say what the public is to know of your validator; whatever is left out stays."""
        answer: ClaimShape = self._http.json("PATCH", f"/api/v1/claims/{segment(address)}", {}, body)
        return answer

    def drop_claim(self, address: str | int) -> None:
        """Give a claim up; what was told of the validator is forgotten."""
        self._http.json("DELETE", f"/api/v1/claims/{segment(address)}", {})

    def contact_kinds(self) -> ContactKinds:
        """What kinds of contact points there are, and what each asks for."""
        answer: ContactKinds = self._http.json("GET", "/api/v1/alerts/contact-kinds", {})
        return answer

    def list_contacts(self) -> ContactList:
        """Your team's contact points and how they fare; also the channels that the settings give it."""
        answer: ContactList = self._http.json("GET", "/api/v1/alerts/contacts", {})
        return answer

    def make_contact(self, body: ContactWish) -> ContactShape:
        """Make a contact point. Nothing is sent there yet: test it."""
        answer: ContactShape = self._http.json("POST", "/api/v1/alerts/contacts", {}, body)
        return answer

    def change_contact(self, contact_id: str | int, body: ContactChange) -> ContactShape:
        """Change a contact point; whatever is left out stays."""
        answer: ContactShape = self._http.json(
            "PATCH", f"/api/v1/alerts/contacts/{segment(contact_id)}", {}, body
        )
        return answer

    def remove_contact(self, contact_id: str | int) -> None:
        """Forget a contact point. What was still to be told there goes another way if it is critical."""
        self._http.json("DELETE", f"/api/v1/alerts/contacts/{segment(contact_id)}", {})

    def enable_contact(self, contact_id: str | int, body: Nothing) -> ContactShape:
        """Use a contact point again that was switched off because it refused for good."""
        answer: ContactShape = self._http.json(
            "POST", f"/api/v1/alerts/contacts/{segment(contact_id)}/enable", {}, body
        )
        return answer

    def try_contact(self, contact_id: str | int, body: Nothing) -> ContactTest:
        """Send a test there, now. The delivery log keeps how it went."""
        answer: ContactTest = self._http.json(
            "POST", f"/api/v1/alerts/contacts/{segment(contact_id)}/test", {}, body
        )
        return answer

    def list_deliveries(
        self,
        *,
        contact: str | None = None,
        incident: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> Deliveries:
        """Every message to your team, the newest first, with every attempt to deliver it."""
        answer: Deliveries = self._http.json(
            "GET",
            "/api/v1/alerts/deliveries",
            {"contact": contact, "incident": incident, "before": before, "limit": limit},
        )
        return answer

    def team_profile(self) -> Profile:
        """What your team tells the public."""
        answer: Profile = self._http.json("GET", "/api/v1/team/profile", {})
        return answer

    def change_profile(self, body: ProfileChange) -> Profile:
        """Say what the public is to know of your team; whatever is left out stays."""
        answer: Profile = self._http.json("PATCH", "/api/v1/team/profile", {}, body)
        return answer

    def team_status(self, slug: str | int) -> TeamStatus:
        """A team's status page: its public nodes, and the validators that it publicly claimed."""
        answer: TeamStatus = self._http.json("GET", f"/api/v1/teams/{segment(slug)}", {})
        return answer

    def rehearse(self, body: RehearsalWish) -> Rehearsal:
        """Live through the last days once more by other limits, and tell what the rule would have told."""
        answer: Rehearsal = self._http.json("POST", "/api/v1/alerts/rehearsals", {}, body)
        return answer

    def fleet_metrics(self) -> str:
        """Your nodes, validators and incidents for Prometheus; for anybody else the network and public nodes."""
        answer: str = self._http.text("GET", "/api/v1/metrics", {})
        return answer

    def sign_up(self, body: SignUp) -> Session:
        """Make an account and sign it in: by invitation, or freely where `accounts.sign_up` is open."""
        answer: Session = self._http.json("POST", "/api/v1/users", {}, body)
        return answer

    def read_audit(
        self, *, all: bool | None = None, before: int | None = None, limit: int | None = None
    ) -> Audit:
        """Who did what in your team. Owners only."""
        answer: Audit = self._http.json(
            "GET", "/api/v1/audit", {"all": all, "before": before, "limit": limit}
        )
        return answer

    def audit_head(self) -> AuditHead:
        """The head of the whole log, to be kept where nobody can change it. Administrators only."""
        answer: AuditHead = self._http.json("GET", "/api/v1/audit/head", {})
        return answer

    def list_keys(self) -> ApiKeys:
        """The team's API keys, the newest first; also those that were revoked or have expired."""
        answer: ApiKeys = self._http.json("GET", "/api/v1/keys", {})
        return answer

    def make_key(self, body: KeyWish) -> MadeKey:
        """Make an API key. Its token is in this reply alone: nobody can read it again."""
        answer: MadeKey = self._http.json("POST", "/api/v1/keys", {}, body)
        return answer

    def revoke_key(self, key_id: str | int) -> None:
        """Revoke a key: it opens nothing from now on, and stays in the list."""
        self._http.json("DELETE", f"/api/v1/keys/{segment(key_id)}", {})

    def list_operator_keys(self) -> OperatorKeys:
        """The team's keys that may sign commands; also those that were revoked. No agent trusts this list."""
        answer: OperatorKeys = self._http.json("GET", "/api/v1/operator-keys", {})
        return answer

    def add_operator_key(self, body: OperatorKeyWish) -> OperatorKey:
        """List the public half of a key. `vedette agent trust` on each host is what makes an agent obey it."""
        answer: OperatorKey = self._http.json("POST", "/api/v1/operator-keys", {}, body)
        return answer

    def revoke_operator_key(self, key_id: str | int) -> None:
        """Say that a key is not to be trusted. Agents hear it by `vedette agent trust revoke`, on their hosts."""
        self._http.json("DELETE", f"/api/v1/operator-keys/{segment(key_id)}", {})

    def my_team(self) -> Team:
        """The team that you look at: its members; for owners also their addresses, and who is invited."""
        answer: Team = self._http.json("GET", "/api/v1/team", {})
        return answer

    def rename_team(self, body: TeamWish) -> Team:
        """Call your team by another name."""
        answer: Team = self._http.json("PATCH", "/api/v1/team", {}, body)
        return answer

    def make_team(self, body: TeamWish) -> MyTeam:
        """A new team, which you own. POST /api/v1/session/team looks at it."""
        answer: MyTeam = self._http.json("POST", "/api/v1/teams", {}, body)
        return answer

    def change_member(self, user_id: str | int, body: MemberChange) -> Member:
        """Give a member another role. The API keys of one who is no owner any more end with that."""
        answer: Member = self._http.json("PATCH", f"/api/v1/team/members/{segment(user_id)}", {}, body)
        return answer

    def remove_member(self, user_id: str | int) -> None:
        """Send a member away, as an owner, or leave. The API keys that he made end with it."""
        self._http.json("DELETE", f"/api/v1/team/members/{segment(user_id)}", {})

    def invite(self, body: InvitationWish) -> MadeInvitation:
        """Invite somebody into your team, for a week. The link is told once; it is mailed, too, if it can be."""
        answer: MadeInvitation = self._http.json("POST", "/api/v1/team/invitations", {}, body)
        return answer

    def withdraw_invitation(self, invitation_id: str | int) -> None:
        """Take an invitation back: its link opens nothing from now on."""
        self._http.json("DELETE", f"/api/v1/team/invitations/{segment(invitation_id)}", {})

    def look_at_invitation(self, body: InvitationToken) -> Invited:
        """What an invitation offers. Whoever has its link may ask."""
        answer: Invited = self._http.json("POST", "/api/v1/invitations/look", {}, body)
        return answer

    def join_team(self, body: Joining) -> MyTeam:
        """Accept an invitation with the account that you are signed in with."""
        answer: MyTeam = self._http.json("POST", "/api/v1/team/join", {}, body)
        return answer

    def watches(self) -> Watched:
        """The validators that your team watches, beside those whose node is its own."""
        answer: Watched = self._http.json("GET", "/api/v1/team/watches", {})
        return answer

    def watch(self, body: WatchWish) -> Watched:
        """From now on your team watches exactly these: it is told when one of them is absent."""
        answer: Watched = self._http.json("PUT", "/api/v1/team/watches", {}, body)
        return answer

    def show_routing(self) -> RoutingShape:
        """Your team's routes, escalations, on-call schedules and quiet hours."""
        answer: RoutingShape = self._http.json("GET", "/api/v1/alerts/routing", {})
        return answer

    def change_routing(self, body: RoutingWish) -> RoutingShape:
        """Set all of it at once."""
        answer: RoutingShape = self._http.json("PUT", "/api/v1/alerts/routing", {}, body)
        return answer

    def try_routing(self, body: TryWish) -> TryAnswer:
        """Ask what would become of a trouble: whom it would be told, or why nobody."""
        answer: TryAnswer = self._http.json("POST", "/api/v1/alerts/routing/tries", {}, body)
        return answer

    def who_is_on_call(self) -> OnCall:
        """Who is told now by each schedule, until when, and who comes next."""
        answer: OnCall = self._http.json("GET", "/api/v1/alerts/on-call", {})
        return answer

    def list_silences(self) -> Silences:
        """Your team's silences, those that end last first; those of the last 90 days among them."""
        answer: Silences = self._http.json("GET", "/api/v1/alerts/silences", {})
        return answer

    def make_silence(self, body: SilenceWish) -> SilenceShape:
        """Let nothing be told of what this matches, until it ends. What still stands then is told."""
        answer: SilenceShape = self._http.json("POST", "/api/v1/alerts/silences", {}, body)
        return answer

    def end_silence(self, silence_id: str | int) -> None:
        """End it now; it stays in the list."""
        self._http.json("DELETE", f"/api/v1/alerts/silences/{segment(silence_id)}", {})

    def list_maintenances(self) -> Maintenances:
        """Your team's maintenances, the newest first; those of the last 90 days among them."""
        answer: Maintenances = self._http.json("GET", "/api/v1/alerts/maintenances", {})
        return answer

    def make_maintenance(self, body: MaintenanceWish) -> MaintenanceShape:
        """Let nothing be told of what this matches while work is expected. What still stands then is told."""
        answer: MaintenanceShape = self._http.json("POST", "/api/v1/alerts/maintenances", {}, body)
        return answer

    def show_calendar(self, *, from_ms: int, until_ms: int) -> Calendar:
        """The windows of all maintenances that touch this span."""
        answer: Calendar = self._http.json(
            "GET", "/api/v1/alerts/maintenances/calendar", {"from_ms": from_ms, "until_ms": until_ms}
        )
        return answer

    def change_maintenance(self, maintenance_id: str | int, body: MaintenanceChange) -> MaintenanceShape:
        """Change what is given; whatever is left out stays."""
        answer: MaintenanceShape = self._http.json(
            "PATCH", f"/api/v1/alerts/maintenances/{segment(maintenance_id)}", {}, body
        )
        return answer

    def drop_maintenance(self, maintenance_id: str | int) -> None:
        """Take it away: from now on trouble is told."""
        self._http.json("DELETE", f"/api/v1/alerts/maintenances/{segment(maintenance_id)}", {})

    def read_digest(self) -> DigestShape:
        """How often your team is told how it went, and whereto."""
        answer: DigestShape = self._http.json("GET", "/api/v1/alerts/digest", {})
        return answer

    def change_digest(self, body: DigestShape) -> DigestShape:
        """Say when, and whereto. The next one tells of what comes after this moment."""
        answer: DigestShape = self._http.json("PUT", "/api/v1/alerts/digest", {}, body)
        return answer

    def make_feed_token(self, body: Nothing) -> FeedUrl:
        """Make the address of your team's calendar of deadlines; an older one opens nothing from now on."""
        answer: FeedUrl = self._http.json("POST", "/api/v1/alerts/feed-token", {}, body)
        return answer

    def oembed(self, *, url: str, maxwidth: int | None = None, maxheight: int | None = None) -> OEmbed:
        """What to put on a page for one of our addresses (oEmbed 1.0)."""
        answer: OEmbed = self._http.json(
            "GET", "/api/v1/oembed", {"url": url, "maxwidth": maxwidth, "maxheight": maxheight}
        )
        return answer

    def validator_badge(self, address: str | int, what: str | int) -> str:
        """A validator's badge. One that was never seen is *unknown*, in grey."""
        answer: str = self._http.text("GET", f"/badge/validators/{segment(address)}/{segment(what)}.svg", {})
        return answer

    def node_badge(self, node_id: str | int) -> str:
        """The state of a node that its operator made public; any other is *unknown*."""
        answer: str = self._http.text("GET", f"/badge/nodes/{segment(node_id)}.svg", {})
        return answer

    def network_badge(self, what: str | int) -> str:
        """The network's badge."""
        answer: str = self._http.text("GET", f"/badge/network/{segment(what)}.svg", {})
        return answer

    def validator_embed(
        self,
        address: str | int,
        *,
        lang: str | None = None,
        theme: Literal["auto", "light", "dark"] | None = None,
    ) -> str:
        """A validator as a card, for a frame on any page."""
        answer: str = self._http.text(
            "GET", f"/embed/validators/{segment(address)}", {"lang": lang, "theme": theme}
        )
        return answer

    def pool_embed(
        self,
        pool: str | int,
        *,
        lang: str | None = None,
        theme: Literal["auto", "light", "dark"] | None = None,
    ) -> str:
        """A staking pool as a card, for a frame on any page."""
        answer: str = self._http.text("GET", f"/embed/pools/{segment(pool)}", {"lang": lang, "theme": theme})
        return answer

    def deadlines(self, *, token: str, lang: Literal["en", "zh"] | None = None) -> str:
        """When votes unlock, forks come and work is planned. The token is a bearer of its own."""
        answer: str = self._http.text("GET", "/feeds/deadlines.ics", {"token": token, "lang": lang})
        return answer

    def incidents_atom(self, *, lang: Literal["en", "zh"] | None = None, team: str | None = None) -> str:
        """What teams that show their incidents tell the public of the last fourteen days, as Atom."""
        answer: str = self._http.text("GET", "/feeds/incidents.atom", {"lang": lang, "team": team})
        return answer

    def incidents_rss(self, *, lang: Literal["en", "zh"] | None = None, team: str | None = None) -> str:
        """The same as RSS 2.0: an item more when an incident is over."""
        answer: str = self._http.text("GET", "/feeds/incidents.rss", {"lang": lang, "team": team})
        return answer

    def healthz(self) -> str:
        """The process lives, judges and tells. Else 503, with what has stood for half a minute."""
        answer: str = self._http.text("GET", "/healthz", {})
        return answer

    def readyz(self) -> str:
        """Does its work: the database takes writes, the chain is followed, it judges and tells. Else 503."""
        answer: str = self._http.text("GET", "/readyz", {})
        return answer

    def metrics(self) -> str:
        """The server's own process for Prometheus: for administrators, and whoever holds the read token."""
        answer: str = self._http.text("GET", "/metrics", {})
        return answer
