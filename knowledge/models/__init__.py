"""The tables of the knowledge store.

Two families, as in docs/knowledge.md: services in the shape of Open Referral UK (``directory``), and what
a directory cannot hold (``pathways``, ``rights``, ``guidance``, ``crisis``). Every answerable row is a
``Record`` (``record``) with sources, date, areas, status and history.
"""

from knowledge.models.base import Base
from knowledge.models.crisis import CrisisContact, CrisisReply
from knowledge.models.directory import (
    Address,
    Attribute,
    Contact,
    CostOption,
    Funding,
    Language,
    Location,
    Organization,
    Phone,
    Schedule,
    Service,
    ServiceArea,
    ServiceAtLocation,
    Taxonomy,
    TaxonomyTerm,
)
from knowledge.models.feed import Feed, FeedService
from knowledge.models.guidance import GlossaryTerm, Guidance
from knowledge.models.letters import Letter
from knowledge.models.pathways import Pathway, PathwayStep, Wait
from knowledge.models.record import (
    Area,
    AreaInside,
    Citation,
    Record,
    RecordArea,
    RecordTopic,
    Revision,
    Source,
    Topic,
)
from knowledge.models.rights import Deadline, Entitlement
from knowledge.models.search import SearchPhrase, SearchText
from knowledge.models.unanswered import UnansweredQuestion

__all__ = [
    "Address",
    "Area",
    "AreaInside",
    "Attribute",
    "Base",
    "Citation",
    "Contact",
    "CostOption",
    "CrisisContact",
    "CrisisReply",
    "Deadline",
    "Entitlement",
    "Feed",
    "FeedService",
    "Funding",
    "GlossaryTerm",
    "Guidance",
    "Language",
    "Letter",
    "Location",
    "Organization",
    "Pathway",
    "PathwayStep",
    "Phone",
    "Record",
    "RecordArea",
    "RecordTopic",
    "Revision",
    "Schedule",
    "SearchPhrase",
    "SearchText",
    "Service",
    "ServiceArea",
    "ServiceAtLocation",
    "Source",
    "Taxonomy",
    "TaxonomyTerm",
    "Topic",
    "UnansweredQuestion",
    "Wait",
]
