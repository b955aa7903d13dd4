"""Displays: pair one, list them, take one away."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.deps import (
    HouseholdCaller,
    Id,
    ServicesDep,
    WallCaller,
    origin_of,
    same_origin,
    set_wall_cookie,
    site_of,
)
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth.displays import Device
from backend.kit.qr import qr_rows

router = APIRouter(prefix="/api/devices", tags=["household"], route_class=JsonRoute)

POLL_SECONDS = 2
"""How often a display asks whether somebody has said yes."""

_FORBID = ConfigDict(extra="forbid")

type Code = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{6}$")]
type DeviceLabel = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)
]


class PairingRequest(BaseModel):
    model_config = _FORBID


class NewPairing(BaseModel):
    """`qr`: rows of modules that say `url`. `secret` stays with the display."""

    code: str
    secret: str
    qr: list[str]
    url: str
    expires_at: datetime
    interval: int = POLL_SECONDS


class PairingClaim(BaseModel):
    """`token`: answer with the token itself, for displays that keep no cookies."""

    model_config = _FORBID
    secret: Annotated[str, Field(min_length=1, max_length=200)]
    token: bool = False


class PairingWaits(BaseModel):
    state: Literal["waiting"] = "waiting"


class DeviceName(BaseModel):
    id: str
    name: str


class PairingDone(BaseModel):
    device: DeviceName
    token: str | None = None


class PairingCode(BaseModel):
    model_config = _FORBID
    code: Code


class PairingApproval(PairingCode):
    name: DeviceLabel


class PairingSeen(BaseModel):
    """What the display says of itself, for whoever is about to let it in."""

    code: str
    user_agent: str
    address: str
    created_at: datetime


class DeviceApproved(BaseModel):
    device: DeviceName


class DeviceChange(BaseModel):
    model_config = _FORBID
    name: DeviceLabel


class PairedDisplay(BaseModel):
    """`online`: it listens right now."""

    id: str
    name: str
    user_agent: str
    address: str
    approved_by: str
    created_at: datetime
    last_seen_at: datetime | None
    online: bool

    @classmethod
    def of(cls, device: Device, *, online: bool) -> Self:
        return cls(
            id=device.id,
            name=device.name,
            user_agent=device.user_agent,
            address=device.address,
            approved_by=device.approved_by,
            created_at=device.created_at,
            last_seen_at=device.last_seen_at,
            online=online,
        )


class DeviceList(BaseModel):
    items: list[PairedDisplay]


# --- at the display ------------------------------------------------------------------------------


@router.post(
    "/pairings",
    status_code=201,
    dependencies=[Depends(same_origin)],
    responses=declared(400, 403, 413, 429),
)
async def open_pairing(_: PairingRequest, request: Request, services: ServicesDep) -> NewPairing:
    """A code for the display to show, for ten minutes."""
    opened = await services.devices.open_pairing(origin_of(request))
    home = services.settings.edge.public_url or site_of(request).origin
    url = f"{str(home).rstrip('/')}/pair#code={opened.code}"
    return NewPairing(
        code=opened.code,
        secret=opened.secret,
        qr=await asyncio.to_thread(qr_rows, url),
        url=url,
        expires_at=opened.expires_at,
    )


_CLAIMED: dict[int | str, dict[str, Any]] = {202: {"model": PairingWaits}}


@router.post(
    "/pairings/claim",
    dependencies=[Depends(same_origin)],
    responses=declared(400, 403, 410, 413) | _CLAIMED,
    response_model_exclude_none=True,
)
async def claim_pairing(
    body: PairingClaim, request: Request, response: Response, services: ServicesDep
) -> PairingDone | PairingWaits:
    """Has somebody said yes? Then the display is signed in from here on, once."""
    paired = await services.devices.claim(body.secret)
    if paired is None:
        response.status_code = 202
        return PairingWaits()
    name = DeviceName(id=paired.device.id, name=paired.device.name)
    if body.token:
        return PairingDone(device=name, token=paired.token)
    set_wall_cookie(request, response, paired.token)
    return PairingDone(device=name)


@router.get("/me", responses=declared(401, 403))
async def this_device(device: WallCaller) -> DeviceName:
    return DeviceName(id=device.credential_id, name=device.name)


# --- for the household ---------------------------------------------------------------------------


@router.post("/pairings/look", responses=declared(400, 401, 403, 404, 413, 429))
async def look_at_pairing(
    body: PairingCode, caller: HouseholdCaller, request: Request, services: ServicesDep
) -> PairingSeen:
    pairing = await services.devices.look(caller, body.code, origin=origin_of(request))
    return PairingSeen(
        code=pairing.code,
        user_agent=pairing.user_agent,
        address=pairing.address,
        created_at=pairing.created_at,
    )


@router.post("/pairings/approve", status_code=201, responses=declared(400, 401, 403, 404, 413, 429))
async def approve_pairing(
    body: PairingApproval, caller: HouseholdCaller, request: Request, services: ServicesDep
) -> DeviceApproved:
    device = await services.devices.approve(caller, body.code, body.name, origin=origin_of(request))
    return DeviceApproved(device=DeviceName(id=device.id, name=device.name))


@router.get("", responses=declared(401, 403))
async def list_devices(_: HouseholdCaller, services: ServicesDep) -> DeviceList:
    found = await services.devices.devices()
    return DeviceList(items=[PairedDisplay.of(one, online=online) for one, online in found])


@router.patch("/{device_id}", responses=declared(400, 401, 403, 404, 413))
async def rename_device(
    device_id: Id,
    body: DeviceChange,
    caller: HouseholdCaller,
    request: Request,
    services: ServicesDep,
) -> DeviceName:
    device = await services.devices.rename(caller, device_id, body.name, origin=origin_of(request))
    return DeviceName(id=device.id, name=device.name)


@router.delete("/{device_id}", status_code=204, responses=declared(401, 403, 404))
async def remove_device(
    device_id: Id, caller: HouseholdCaller, request: Request, services: ServicesDep
) -> None:
    """It is signed out at once, and its stream is closed."""
    await services.devices.remove(caller, device_id, origin=origin_of(request))
