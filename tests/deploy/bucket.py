"""A bucket's service in the lab; `python -m tests.deploy.bucket HOST PORT`."""

import asyncio
import sys
from typing import Self, override

from tests.fakes.bucket import FakeBucket
from tests.fakes.site import FakeSite


class LabBucket(FakeSite):
    place_in_lab = ("", 0)

    @override
    async def __aenter__(self) -> Self:
        host, port = self.place_in_lab
        self._server = await asyncio.start_server(self._serve, host, port)
        return self


async def main(host: str, port: int) -> None:
    site = LabBucket(FakeBucket().answer)
    site.place_in_lab = (host, port)
    async with site:
        print("listening", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
